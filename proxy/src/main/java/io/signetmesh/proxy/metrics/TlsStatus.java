package io.signetmesh.proxy.metrics;

import io.signetmesh.proxy.metrics.registry.Labels;
import org.jspecify.annotations.Nullable;

/** The TLS of a connection, as the labels of metrics show it. */
public sealed interface TlsStatus {
  /** The labels, in the order in which Linkerd's proxy prints them. */
  Labels labels();

  /**
   * Inbound mesh TLS.
   *
   * @param clientId verified identity of the client; null when it showed none
   */
  record FromClient(@Nullable String clientId) implements TlsStatus {
    @Override
    public Labels labels() {
      return Labels.of("tls", "true", "client_id", clientId == null ? "" : clientId);
    }
  }

  /**
   * Outbound mesh TLS.
   *
   * @param serverId identity of the peer
   */
  record ToServer(String serverId) implements TlsStatus {
    @Override
    public Labels labels() {
      return Labels.of("tls", "true", "server_id", serverId);
    }
  }

  /**
   * TLS of the application, passed through. Linkerd's proxy shows the server name that the client
   * asked for as {@code sni}: anybody can invent those without end, and so it stays empty here.
   */
  enum Opaque implements TlsStatus {
    OPAQUE;

    @Override
    public Labels labels() {
      return Labels.of("tls", "opaque", "sni", "");
    }
  }

  /** No mesh TLS, and why. */
  enum NoIdentity implements TlsStatus {
    LOOPBACK("loopback"),
    PORT_SKIPPED("port_skipped"),
    NO_TLS_FROM_REMOTE("no_tls_from_remote"),
    NOT_PROVIDED_BY_SERVICE_DISCOVERY("not_provided_by_service_discovery"),
    INGRESS_WITHOUT_OVERRIDE("ingress_without_override");

    private final String reason;

    NoIdentity(String reason) {
      this.reason = reason;
    }

    @Override
    public Labels labels() {
      return Labels.of("tls", "no_identity", "no_tls_reason", reason);
    }
  }

  /** The proxy runs without identity. */
  enum Disabled implements TlsStatus {
    DISABLED;

    @Override
    public Labels labels() {
      return Labels.of("tls", "disabled");
    }
  }
}

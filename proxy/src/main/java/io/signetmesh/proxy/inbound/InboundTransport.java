package io.signetmesh.proxy.inbound;

import io.signetmesh.identity.pki.PeerIdentity;
import io.signetmesh.identity.pki.VerifiedPeer;
import io.signetmesh.jwt.Thumbprint;
import io.signetmesh.proxy.authorize.Client;
import io.signetmesh.proxy.detect.HttpVersion;
import io.signetmesh.proxy.metrics.TlsStatus;
import java.net.InetAddress;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * How the bytes of an inbound connection come to this proxy, as far as that is known. Grows while
 * the connection is looked at and never depends on policy.
 *
 * @param kind what carries the bytes
 * @param peer verified identity of a client on mesh TLS; null: it showed none, or there is no mesh
 *     TLS
 * @param certificate SHA-256 of the client's certificate; null: it showed none
 * @param group key exchange group of mesh TLS; null: not known
 */
record InboundTransport(
    Kind kind,
    @Nullable PeerIdentity peer,
    @Nullable Thumbprint certificate,
    @Nullable String group) {

  /** Nothing is known yet, or no TLS is spoken. */
  static final InboundTransport PLAINTEXT = new InboundTransport(Kind.PLAINTEXT, null, null, null);

  /** TLS of the application's own. */
  static final InboundTransport FOREIGN_TLS =
      new InboundTransport(Kind.FOREIGN_TLS, null, null, null);

  /** What carries the bytes. */
  enum Kind {
    /** Nothing: they are the client's own. */
    PLAINTEXT,
    /** Mesh TLS to the application's port. */
    MESH_TLS,
    /** TLS that this proxy does not terminate. */
    FOREIGN_TLS,
    /** Mesh TLS to the proxy's port, with a transport header that names no protocol. */
    DIRECT,
    /** The same with HTTP/1 as protocol. */
    DIRECT_HTTP1,
    /** The same with HTTP/2 as protocol. */
    DIRECT_HTTP2
  }

  static InboundTransport meshTls(@Nullable VerifiedPeer peer, @Nullable String group) {
    return peer == null
        ? new InboundTransport(Kind.MESH_TLS, null, null, group)
        : new InboundTransport(
            Kind.MESH_TLS,
            peer.identity(),
            Thumbprint.ofCertificate(peer.path().getFirst()),
            group);
  }

  /**
   * The same client after its transport header.
   *
   * @param session protocol that the header names; null: none
   */
  InboundTransport direct(@Nullable HttpVersion session) {
    Kind direct =
        session == null
            ? Kind.DIRECT
            : session == HttpVersion.HTTP1 ? Kind.DIRECT_HTTP1 : Kind.DIRECT_HTTP2;
    return new InboundTransport(direct, peer, certificate, group);
  }

  /** Whether this proxy terminated TLS. */
  boolean isMeshTls() {
    return kind != Kind.PLAINTEXT && kind != Kind.FOREIGN_TLS;
  }

  /** Name of the client; null: it proved none. */
  @Nullable String identity() {
    return peer == null ? null : peer.name();
  }

  /** The client as decisions see it. */
  Client client(InetAddress address) {
    if (!isMeshTls()) {
      return new Client(address, false, null);
    }
    return Client.ofMeshTls(address, peer == null ? List.of() : peer.names(), certificate);
  }

  /** Protocol of records about the connection as a whole. */
  String label() {
    return kind == Kind.FOREIGN_TLS ? "tls" : "tcp";
  }

  /** What metrics say of the connection's TLS. */
  TlsStatus status() {
    return switch (kind) {
      case PLAINTEXT -> TlsStatus.NoIdentity.NO_TLS_FROM_REMOTE;
      case FOREIGN_TLS -> TlsStatus.Opaque.OPAQUE;
      case MESH_TLS, DIRECT, DIRECT_HTTP1, DIRECT_HTTP2 -> new TlsStatus.FromClient(identity());
    };
  }
}

package io.signetmesh.cli.server;

import io.signetmesh.cli.command.AddressOptions;
import io.signetmesh.cli.controlplane.Closing;
import io.signetmesh.cli.host.ListenAddress;
import io.signetmesh.identity.admin.AdminServer;
import io.signetmesh.identity.admin.ServerMeters;
import io.signetmesh.identity.channel.ControlLoops;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.util.Map;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

/** Where a server of the control plane tells its metrics. */
final class AdminOptions {
  private static final Logger log = LoggerFactory.getLogger(AdminOptions.class);

  /** Port of the policy controller, and of all servers in one process; as Linkerd's has it. */
  static final int POLICY_PORT = 9990;

  /** Port of the identity server. */
  static final int IDENTITY_PORT = 9991;

  /** Port of the identity agent. */
  static final int AGENT_PORT = 9997;

  /** Port of discovery, as that of Linkerd's. */
  static final int DISCOVERY_PORT = 9996;

  /** Port of the audit collector. */
  static final int COLLECTOR_PORT = 9998;

  @Option(
      names = "--admin-addr",
      paramLabel = "IP:PORT",
      converter = AddressOptions.Converter.class,
      description =
          "Where /metrics, /ready and /live are served (default: at the address that the server"
              + " listens on when that is a loopback address, else at 127.0.0.1; port "
              + POLICY_PORT
              + " for the policy controller and for 'up', "
              + IDENTITY_PORT
              + " for the identity server, "
              + DISCOVERY_PORT
              + " for discovery, "
              + AGENT_PORT
              + " for the identity agent, "
              + COLLECTOR_PORT
              + " for the audit collector; nowhere when it is taken).")
  private @Nullable InetSocketAddress admin;

  @Option(
      names = "--otlp-metrics",
      paramLabel = "URL",
      converter = Urls.class,
      description =
          "Push metrics each minute to an OpenTelemetry collector, by OTLP over HTTP, e.g."
              + " http://127.0.0.1:4318/v1/metrics (default: to nowhere).")
  private @Nullable URI otlp;

  /**
   * The address asked for, or one on loopback that the server can do without.
   *
   * @param server where the server listens
   * @param port when no address is asked for
   */
  AdminServer.Listen listen(InetSocketAddress server, int port) {
    if (admin != null) {
      return new AdminServer.Listen(admin, true);
    }
    InetAddress host =
        server.getAddress() != null && server.getAddress().isLoopbackAddress()
            ? server.getAddress()
            : InetAddress.ofLiteral("127.0.0.1");
    return new AdminServer.Listen(new InetSocketAddress(host, port), false);
  }

  /**
   * Starts the meters of a server.
   *
   * @param service name in OTLP
   * @param parts takes what has to be closed in the end
   */
  ServerMeters meters(String service, Closing parts, ControlLoops loops) {
    return parts.add(ServerMeters.start(service, loops::load, otlp));
  }

  /**
   * Serves the meters of a server that is ready.
   *
   * @param parts takes what has to be closed in the end
   */
  void serve(ServerMeters meters, AdminServer.Listen listen, Closing parts) throws IOException {
    serve(meters, listen, () -> true, Map.of(), parts);
  }

  /**
   * Serves the meters of a server, and its documents.
   *
   * @param ready whether the server is ready
   * @param documents by path
   * @param parts takes what has to be closed in the end
   */
  void serve(
      ServerMeters meters,
      AdminServer.Listen listen,
      BooleanSupplier ready,
      Map<String, AdminServer.DocumentSource> documents,
      Closing parts)
      throws IOException {
    AdminServer.start(listen, meters, ready, documents)
        .ifPresent(
            admin -> {
              parts.add(admin);
              log.info("its metrics are at {}", ListenAddress.text(admin.address()));
            });
  }

  /** Where metrics are pushed to; null for nowhere. */
  @Nullable URI otlp() {
    return otlp;
  }

  /** Reads URLs of HTTP. */
  static final class Urls implements ITypeConverter<URI> {
    @Override
    public URI convert(String text) {
      try {
        URI url = URI.create(text);
        if (url.getHost() != null
            && ("http".equals(url.getScheme()) || "https".equals(url.getScheme()))) {
          return url;
        }
      } catch (IllegalArgumentException e) {
        // Told below.
      }
      throw new TypeConversionException(
          "'" + text + "' is no URL: expected http:// or https:// and a host");
    }
  }
}

package io.signetmesh.cli.server;

import io.signetmesh.cli.command.AddressOptions;
import io.signetmesh.cli.host.ControlPlane;
import io.signetmesh.collector.CollectorServer;
import io.signetmesh.identity.channel.ControlServer;
import io.signetmesh.identity.channel.ControlServer.Security;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Where a server of the control plane listens, and whether it does so without TLS. */
final class ListenOptions {
  @Option(
      names = "--listen",
      paramLabel = "IP:PORT",
      converter = AddressOptions.Converter.class,
      description =
          "Where to listen (default: 127.0.0.1, port "
              + ControlPlane.IDENTITY_PORT
              + " for the identity server, "
              + ControlPlane.POLICY_PORT
              + " for the policy controller, "
              + ControlPlane.DISCOVERY_PORT
              + " for discovery, "
              + CollectorServer.DEFAULT_PORT
              + " for the audit collector).")
  private @Nullable InetSocketAddress listen;

  @Option(
      names = "--cleartext",
      description =
          "Serve without TLS, on a loopback address only: every local process is trusted.")
  private boolean cleartext;

  /**
   * Where to listen.
   *
   * @param port when no address is given
   * @throws IllegalArgumentException for cleartext on an address that other hosts reach
   */
  InetSocketAddress address(int port) {
    InetSocketAddress address =
        listen == null ? new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), port) : listen;
    if (cleartext) {
      ControlServer.Config.of(address, new Security.Cleartext());
    }
    return address;
  }

  /** Whether to serve without TLS. */
  boolean cleartext() {
    return cleartext;
  }
}

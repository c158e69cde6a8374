package io.signetmesh.cli;

import io.signetmesh.policy.PolicyServer;
import io.signetmesh.policy.admin.ControllerAdmin;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Where the policy controller tells its metrics. */
final class AdminOptions {
  @Option(
      names = "--admin-addr",
      paramLabel = "IP:PORT",
      converter = AddressOptions.Converter.class,
      description =
          "Where /metrics, /ready and /live of the policy controller are served (default: port "
              + ControllerAdmin.DEFAULT_PORT
              + " of the policy controller's address when that is a loopback address, else of"
              + " 127.0.0.1; nowhere when it is taken).")
  private @Nullable InetSocketAddress admin;

  /** The address asked for, or one on loopback that the controller can do without. */
  PolicyServer.Admin admin(InetSocketAddress policy) {
    if (admin != null) {
      return new PolicyServer.Admin(admin, true);
    }
    InetAddress host =
        policy.getAddress() != null && policy.getAddress().isLoopbackAddress()
            ? policy.getAddress()
            : InetAddress.ofLiteral("127.0.0.1");
    return new PolicyServer.Admin(new InetSocketAddress(host, ControllerAdmin.DEFAULT_PORT), false);
  }
}

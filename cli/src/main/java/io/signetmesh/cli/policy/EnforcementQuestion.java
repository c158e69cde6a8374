package io.signetmesh.cli.policy;

import io.signetmesh.cli.command.CommandFailure;
import io.signetmesh.cli.command.MemberOptions;
import io.signetmesh.cli.controlplane.Closing;
import io.signetmesh.cli.controlplane.EnforcementClient;
import io.signetmesh.cli.controlplane.EnforcementTable;
import io.signetmesh.cli.host.ListenAddress;
import io.signetmesh.cli.host.MeshNames;
import io.signetmesh.identity.channel.ControlLoops;
import io.signetmesh.identity.workload.IdentityClient;
import io.signetmesh.v1.EnforcementStatus;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.time.Clock;
import java.time.Duration;

/** Asks a running policy controller, as an operator, which policy is in force where. */
public final class EnforcementQuestion {
  private static final int CONNECT_MILLIS = 2_000;

  private EnforcementQuestion() {}

  /**
   * Joins the mesh and asks.
   *
   * @param policy where the policy controller is
   * @param namespace of workloads and objects; empty for all
   * @param steady how long the newest policy has to stay in force everywhere
   * @param wait at most so long for that
   * @throws CommandFailure when the options are not usable, or a server does not listen
   */
  public static EnforcementStatus ask(
      MemberOptions member,
      InetSocketAddress policy,
      String namespace,
      Duration steady,
      Duration wait)
      throws Exception {
    try (Closing parts = new Closing()) {
      Clock clock = Clock.systemUTC();
      MeshNames names = member.names();
      requireListening("identity server", member.servers().identity());
      requireListening("policy controller", policy);
      ControlLoops loops = parts.add(ControlLoops.start(1));
      IdentityClient client =
          member.join(
              names.identity(names.controlPlaneNamespace(), EnforcementClient.OPERATOR),
              parts,
              loops,
              clock);
      EnforcementClient controller =
          parts.add(
              EnforcementClient.open(policy, names.policyServer().dnsName(), client, loops, clock));
      return controller.await(namespace, EnforcementTable::inForce, steady, wait);
    }
  }

  /** A question to nobody is answered at once, not after all attempts. */
  static void requireListening(String what, InetSocketAddress address) throws CommandFailure {
    try (Socket socket = new Socket()) {
      socket.connect(address, CONNECT_MILLIS);
    } catch (IOException e) {
      throw CommandFailure.unavailable(
          "no "
              + what
              + " at "
              + ListenAddress.text(address)
              + ": "
              + e.getMessage()
              + ". Is the control plane running ('signet up')?",
          e);
    }
  }
}

package io.signetmesh.cli.demo;

import io.signetmesh.cli.controlplane.Closing;
import io.signetmesh.cli.controlplane.EnforcementClient;
import io.signetmesh.cli.controlplane.Membership;
import io.signetmesh.cli.demo.ShopMesh.Enforced;
import io.signetmesh.cli.host.MeshNames;
import io.signetmesh.identity.channel.ControlLoops;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.WorkloadIdentity;
import io.signetmesh.identity.workload.IdentityClient;
import io.signetmesh.v1.EnforcementStatus;
import io.signetmesh.v1.PortStatus;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Clock;
import java.time.Duration;
import java.util.concurrent.TimeoutException;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** What an operator sees of the demo's policy, through the policy controller. */
final class OperatorView implements AutoCloseable {
  private final InetSocketAddress controller;
  private final MeshNames names;
  private final Clock clock;
  private final Closing parts = new Closing();
  private @Nullable EnforcementClient client;

  OperatorView(InetSocketAddress controller, MeshNames names, Clock clock) {
    this.controller = controller;
    this.names = names;
    this.clock = clock;
  }

  static WorkloadIdentity identity(MeshNames names) {
    return names.identity(names.controlPlaneNamespace(), EnforcementClient.OPERATOR);
  }

  /** Has a certificate issued. */
  void join(Membership membership, Duration limit)
      throws IOException, PkiException, TimeoutException, InterruptedException {
    ControlLoops loops = parts.add(ControlLoops.start(1));
    IdentityClient member = parts.add(membership.join(identity(names), loops, clock, limit));
    client =
        parts.add(
            EnforcementClient.open(
                controller, names.policyServer().dnsName(), member, loops, clock));
  }

  /**
   * Waits until the newest policy is in force.
   *
   * @param after a generation that is not new enough
   * @param ports how many ports have to be connected
   */
  Enforced awaitEnforcement(long after, int ports, Duration limit)
      throws IOException, TimeoutException, InterruptedException {
    EnforcementClient open = client;
    if (open == null) {
      throw new IllegalStateException("the operator has not joined");
    }
    Predicate<EnforcementStatus> wanted =
        status -> status.getCurrentGeneration() > after && inForce(status) >= ports;
    EnforcementStatus status = open.await(Shop.NAMESPACE, wanted, Duration.ZERO, limit);
    if (!wanted.test(status)) {
      throw new TimeoutException(
          "policy is in force on %d ports after %d s: expected %d, and a generation above %d, not %d"
              .formatted(
                  inForce(status), limit.toSeconds(), ports, after, status.getCurrentGeneration()));
    }
    return new Enforced(status.getCurrentGeneration(), inForce(status));
  }

  private static int inForce(EnforcementStatus status) {
    return (int) status.getPortsList().stream().filter(PortStatus::getInForce).count();
  }

  @Override
  public void close() throws Exception {
    parts.close();
  }
}

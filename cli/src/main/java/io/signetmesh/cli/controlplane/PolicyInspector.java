package io.signetmesh.cli.controlplane;

import io.grpc.ManagedChannel;
import io.grpc.StatusRuntimeException;
import io.signetmesh.identity.channel.ControlChannel;
import io.signetmesh.identity.channel.ControlLoops;
import io.signetmesh.identity.workload.IdentityClient;
import io.signetmesh.v1.EnforcementStatus;
import io.signetmesh.v1.EnforcementStatusRequest;
import io.signetmesh.v1.PolicyEnforcementGrpc;
import io.signetmesh.v1.PortInspection;
import io.signetmesh.v1.PortInspectionRequest;
import java.net.InetSocketAddress;
import java.time.InstantSource;
import java.util.concurrent.TimeUnit;

/** Asks a policy controller what the policy of a port is. */
public final class PolicyInspector implements AutoCloseable {
  private static final long CALL_SECONDS = 5;

  private final ManagedChannel channel;

  private PolicyInspector(ManagedChannel channel) {
    this.channel = channel;
  }

  /**
   * Makes a client; it connects with the first question.
   *
   * @param serverName identity that the controller must have
   * @param member an operator's certificate
   */
  public static PolicyInspector open(
      InetSocketAddress controller,
      String serverName,
      IdentityClient member,
      ControlLoops loops,
      InstantSource clock) {
    return new PolicyInspector(
        ControlChannel.open(
            new ControlChannel.Address(
                controller.getAddress().getHostAddress(), controller.getPort()),
            serverName,
            member::credentials,
            clock,
            loops));
  }

  /**
   * The policy of a port.
   *
   * @param workload as proxies name it
   * @throws StatusRuntimeException when the controller does not answer, or knows no such workload
   */
  public PortInspection inspect(String workload, int port) {
    return stub()
        .inspect(PortInspectionRequest.newBuilder().setWorkload(workload).setPort(port).build());
  }

  /**
   * The ports that proxies ask for.
   *
   * @param namespace restricts the answer to one namespace; empty = all
   * @throws StatusRuntimeException when the controller does not answer
   */
  public EnforcementStatus ports(String namespace) {
    return stub().status(EnforcementStatusRequest.newBuilder().setNamespace(namespace).build());
  }

  private PolicyEnforcementGrpc.PolicyEnforcementBlockingStub stub() {
    return PolicyEnforcementGrpc.newBlockingStub(channel)
        .withDeadlineAfter(CALL_SECONDS, TimeUnit.SECONDS);
  }

  @Override
  public void close() {
    channel.shutdownNow();
  }
}

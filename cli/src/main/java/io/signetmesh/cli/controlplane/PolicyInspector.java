package io.signetmesh.cli.controlplane;

import io.grpc.ManagedChannel;
import io.grpc.StatusRuntimeException;
import io.signetmesh.cluster.WorkloadRef;
import io.signetmesh.crds.network.IpLiteral;
import io.signetmesh.identity.channel.ControlChannel;
import io.signetmesh.identity.channel.ControlLoops;
import io.signetmesh.identity.workload.IdentityClient;
import io.signetmesh.policy.clients.ClientWorkload;
import io.signetmesh.v1.ClientQuery;
import io.signetmesh.v1.EnforcementStatus;
import io.signetmesh.v1.EnforcementStatusRequest;
import io.signetmesh.v1.PolicyEnforcementGrpc;
import io.signetmesh.v1.PortInspection;
import io.signetmesh.v1.PortInspectionRequest;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.time.InstantSource;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** A client of the policy controller that asks for the policy of a port. */
public final class PolicyInspector implements AutoCloseable {
  private static final long CALL_SECONDS = 5;

  /** The status of some hundred thousand ports and objects. */
  private static final int MAX_ANSWER_BYTES = 64 << 20;

  private final ManagedChannel channel;

  private PolicyInspector(ManagedChannel channel) {
    this.channel = channel;
  }

  /**
   * Creates a client, which connects with the first call.
   *
   * @param controller address of the policy controller
   * @param serverName identity that the controller must prove
   * @param member the operator's certificate
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
   * Returns the policy of a port.
   *
   * @param workload name of the workload, in the form that proxies send ({@code ns:pod} or JSON)
   * @param port port number
   * @param client a client that the controller looks up as well; null for none
   * @throws StatusRuntimeException when the controller does not answer, or does not know the
   *     workload
   */
  public PortInspection inspect(String workload, int port, @Nullable ClientQuery client) {
    PortInspectionRequest.Builder request =
        PortInspectionRequest.newBuilder().setWorkload(workload).setPort(port);
    if (client != null) {
      request.setClient(client);
    }
    return stub().inspect(request.build());
  }

  /**
   * Reads the client that the controller found; empty when it found none.
   *
   * @throws IllegalArgumentException when the message is malformed
   */
  public static Optional<ClientWorkload> client(io.signetmesh.v1.ClientWorkload answer) {
    if (answer.getWorkload().isEmpty()) {
      return Optional.empty();
    }
    byte[] ip = IpLiteral.parse(answer.getIp());
    if (ip == null) {
      throw new IllegalArgumentException(
          "the policy controller's address of the client, '"
              + answer.getIp()
              + "', is no IP address");
    }
    try {
      return Optional.of(
          new ClientWorkload(
              WorkloadRef.parse(answer.getWorkload()),
              InetAddress.getByAddress(ip),
              answer.getIdentity().isEmpty() ? null : answer.getIdentity()));
    } catch (UnknownHostException e) {
      throw new IllegalStateException("4 or 16 bytes are an address", e);
    }
  }

  /**
   * The ports for which proxies stream policy.
   *
   * @param namespace restricts the answer to one namespace; empty means all
   * @throws StatusRuntimeException when the controller does not answer
   */
  public EnforcementStatus ports(String namespace) {
    return stub().status(EnforcementStatusRequest.newBuilder().setNamespace(namespace).build());
  }

  private PolicyEnforcementGrpc.PolicyEnforcementBlockingStub stub() {
    return PolicyEnforcementGrpc.newBlockingStub(channel)
        .withMaxInboundMessageSize(MAX_ANSWER_BYTES)
        .withDeadlineAfter(CALL_SECONDS, TimeUnit.SECONDS);
  }

  @Override
  public void close() {
    channel.shutdownNow();
  }
}

package io.signetmesh.cli.controlplane;

import io.grpc.ManagedChannel;
import io.grpc.StatusRuntimeException;
import io.signetmesh.identity.channel.ControlChannel;
import io.signetmesh.identity.channel.ControlLoops;
import io.signetmesh.identity.workload.IdentityClient;
import io.signetmesh.v1.EnforcementStatus;
import io.signetmesh.v1.EnforcementStatusRequest;
import io.signetmesh.v1.PolicyEnforcementGrpc;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.time.InstantSource;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;

/** A client of the policy controller that asks which policy the proxies enforce. */
public final class EnforcementClient implements AutoCloseable {
  /** Name of the operators' ServiceAccount, in the control plane's namespace. */
  public static final String OPERATOR = "signet-operator";

  private static final long PAUSE_MILLIS = 20;
  private static final long CALL_SECONDS = 10;

  /** Some hundred thousand ports. */
  private static final int MAX_STATUS_BYTES = 64 << 20;

  private final ManagedChannel channel;

  private EnforcementClient(ManagedChannel channel) {
    this.channel = channel;
  }

  /**
   * Creates a client, which connects with the first call.
   *
   * @param controller address of the policy controller
   * @param serverName identity that the controller must prove
   * @param member the operator's certificate
   */
  public static EnforcementClient open(
      InetSocketAddress controller,
      String serverName,
      IdentityClient member,
      ControlLoops loops,
      InstantSource clock) {
    return new EnforcementClient(
        ControlChannel.open(
            new ControlChannel.Address(
                controller.getAddress().getHostAddress(), controller.getPort()),
            serverName,
            member::credentials,
            clock,
            loops));
  }

  /**
   * Polls the status until it is the wanted one and stays so, or until the time limit. The
   * controller sees an edit of the manifests some hundred milliseconds late; until then it answers
   * about the earlier policy.
   *
   * @param namespace restricts the status to one namespace; empty means all
   * @param wanted what the status must fulfil
   * @param steady how long the status must stay wanted and at the same generation
   * @param limit longest time to poll
   * @return the last status, wanted or not
   * @throws StatusRuntimeException when the controller does not answer
   */
  public EnforcementStatus await(
      String namespace, Predicate<EnforcementStatus> wanted, Duration steady, Duration limit)
      throws InterruptedException {
    long end = System.nanoTime() + limit.toNanos();
    long since = System.nanoTime();
    long generation = -1;
    while (true) {
      EnforcementStatus status =
          PolicyEnforcementGrpc.newBlockingStub(channel)
              .withMaxInboundMessageSize(MAX_STATUS_BYTES)
              .withDeadlineAfter(CALL_SECONDS, TimeUnit.SECONDS)
              .status(EnforcementStatusRequest.newBuilder().setNamespace(namespace).build());
      long now = System.nanoTime();
      if (!wanted.test(status) || status.getCurrentGeneration() != generation) {
        generation = status.getCurrentGeneration();
        since = now;
      }
      if ((wanted.test(status) && now - since >= steady.toNanos()) || now - end >= 0) {
        return status;
      }
      TimeUnit.MILLISECONDS.sleep(PAUSE_MILLIS);
    }
  }

  @Override
  public void close() {
    channel.shutdownNow();
  }
}

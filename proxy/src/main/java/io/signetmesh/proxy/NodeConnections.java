package io.signetmesh.proxy;

import io.grpc.ManagedChannel;
import io.signetmesh.identity.channel.ControlChannel;
import io.signetmesh.identity.channel.ControlLoops;
import io.signetmesh.identity.pki.PeerTrust;
import io.signetmesh.identity.workload.IdentityClient;
import io.signetmesh.identity.workload.WorkloadThreads;
import io.signetmesh.proxy.config.ControlAddress;
import io.signetmesh.proxy.config.NodeConfig;
import io.signetmesh.proxy.config.ProxyConfig;
import java.time.InstantSource;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * The identity of a node, and its connections to the policy controller, to discovery and to the
 * audit collector, which the proxies of a data plane share. It carries what proxies ask of the
 * control plane, and no traffic of workloads: that has the identity of each workload. Certificates
 * of workloads are requested by their own tokens, over connections of their own.
 */
final class NodeConnections implements AutoCloseable {
  private final NodeConfig config;
  private final ControlLoops loops;
  private final IdentityClient identity;
  private final SharedChannel policy;
  private final SharedChannel destination;
  private final @Nullable SharedChannel audit;

  /** Starts to obtain the node's certificate. Connections are made when a proxy asks. */
  NodeConnections(
      NodeConfig config, ControlLoops loops, WorkloadThreads.Turn turn, InstantSource clock) {
    this.config = config;
    this.loops = loops;
    this.identity =
        IdentityClient.start(
            new IdentityClient.Config(
                config.identity(),
                config.tokenFile(),
                config.anchors(),
                address(config.identityService()),
                config.identityService().name(),
                config.minRefresh(),
                config.maxRefresh()),
            loops,
            turn,
            clock);
    this.policy = new SharedChannel(() -> open(config.policyService(), clock));
    this.destination = new SharedChannel(() -> open(config.destinationService(), clock));
    ControlAddress collector = config.auditService();
    this.audit = collector == null ? null : new SharedChannel(() -> open(collector, clock));
  }

  private ManagedChannel open(ControlAddress service, InstantSource clock) {
    return ControlChannel.openShared(
        address(service), service.name(), identity::credentials, clock, loops);
  }

  private static ControlChannel.Address address(ControlAddress service) {
    return new ControlChannel.Address(service.host(), service.port());
  }

  /** Completes when the node has its first certificate. */
  CompletableFuture<Void> certified() {
    return identity.firstCredentials().thenAccept(first -> {});
  }

  /**
   * Whether the control plane can be asked about a workload now, also before the workload has a
   * certificate: the node has one, and the workload has the control plane of the node.
   */
  boolean canAskFor(ProxyConfig workload) {
    CompletableFuture<?> first = identity.firstCredentials();
    return first.isDone()
        && !first.isCompletedExceptionally()
        && !workload.controlCleartext()
        && workload.policyService().equals(config.policyService())
        && workload.destinationService().equals(config.destinationService());
  }

  /**
   * What the identity server wants to be trusted now. The node follows that already, so a workload
   * need not wait for it.
   *
   * @return null when that is not known, or the workload has another identity server or other
   *     anchors than the node
   */
  @Nullable PeerTrust trustNow(ProxyConfig workload) {
    return !workload.controlCleartext()
            && workload.identityService().equals(config.identityService())
            && workload.anchors().equals(config.anchors())
        ? identity.trustNow()
        : null;
  }

  /**
   * A channel for the calls of one workload.
   *
   * @return null when the workload has another control plane than the node, and so needs
   *     connections of its own
   */
  SharedChannel.@Nullable View channel(ProxyConfig workload, ControlAddress service) {
    if (workload.controlCleartext()) {
      return null;
    }
    if (service.equals(config.policyService())) {
      return policy.view(workload.workloadName(), loops.next());
    }
    if (service.equals(config.destinationService())) {
      return destination.view(workload.workloadName(), loops.next());
    }
    if (audit != null && service.equals(config.auditService())) {
      return audit.view(workload.workloadName(), loops.next());
    }
    return null;
  }

  @Override
  public void close() {
    policy.close();
    destination.close();
    if (audit != null) {
      audit.close();
    }
    identity.close();
  }
}

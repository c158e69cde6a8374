package io.signetmesh.discovery.outbound;

import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import io.linkerd.proxy.outbound.OutboundPoliciesGrpc;
import io.linkerd.proxy.outbound.OutboundPolicy;
import io.linkerd.proxy.outbound.TrafficSpec;
import io.signetmesh.discovery.caller.CallerCheck;
import io.signetmesh.discovery.caller.CallerClaim;
import io.signetmesh.discovery.caller.NodeStreams;
import io.signetmesh.discovery.config.DiscoveryConfig;
import io.signetmesh.discovery.stream.Answer;
import io.signetmesh.discovery.stream.LiveValues;
import io.signetmesh.discovery.stream.NewestStateStream;
import io.signetmesh.discovery.topology.TopologySource;
import io.signetmesh.identity.channel.Caller;
import io.signetmesh.identity.channel.send.SendTurn;
import java.util.List;

/**
 * The gRPC service {@code io.linkerd.proxy.outbound.OutboundPolicies}: how proxies treat traffic to
 * a destination. Proxies expect it on the policy controller's port.
 */
public final class OutboundPolicyService extends OutboundPoliciesGrpc.OutboundPoliciesImplBase
    implements AutoCloseable {
  private final DiscoveryConfig config;
  private final TopologySource topology;
  private final CallerCheck check;
  private final NodeStreams nodes;
  private final LiveValues<OutboundTarget, Answer<OutboundPolicy>> policies;

  /**
   * Creates the service.
   *
   * @param config settings
   * @param topology live state of the cluster
   */
  public OutboundPolicyService(DiscoveryConfig config, TopologySource topology) {
    this.config = config;
    this.topology = topology;
    this.check = new CallerCheck(config.controlPlaneNamespace(), config.trustDomain());
    this.nodes = new NodeStreams(check, topology);
    OutboundPolicyTranslator translator = new OutboundPolicyTranslator(config);
    this.policies =
        new LiveValues<>(topology, (state, target, previous) -> translator.policy(state, target));
  }

  @Override
  public void get(TrafficSpec request, StreamObserver<OutboundPolicy> client) {
    OutboundTarget target;
    try {
      target = verified(request, claim(request));
    } catch (StatusRuntimeException refused) {
      client.onError(refused);
      return;
    }
    switch (policies.get(target)) {
      case Answer.End<OutboundPolicy> end -> client.onError(end.status().asRuntimeException());
      case Answer.State<OutboundPolicy> state ->
          SendTurn.answer((ServerCallStreamObserver<OutboundPolicy>) client, state.value());
    }
  }

  @Override
  public void watch(TrafficSpec request, StreamObserver<OutboundPolicy> client) {
    OutboundTarget target;
    NodeStreams.Registration permit;
    try {
      CallerClaim claim = claim(request);
      target = verified(request, claim);
      permit = nodes.register(Caller.current(), claim);
    } catch (StatusRuntimeException refused) {
      client.onError(refused);
      return;
    }
    NewestStateStream.serve(
        policies,
        target,
        (ServerCallStreamObserver<OutboundPolicy>) client,
        (before, after) -> List.of(after),
        permit);
  }

  private static CallerClaim claim(TrafficSpec request) {
    CallerClaim claim = CallerClaim.ofWorkload(request.getSourceWorkload());
    if (claim == null) {
      throw Status.INVALID_ARGUMENT
          .withDescription(
              "source workload of "
                  + request.getSourceWorkload().length()
                  + " characters: expected JSON with \"ns\" and \"pod\" or \"external_workload\","
                  + " or <namespace>:<pod>")
          .asRuntimeException();
    }
    return claim;
  }

  private OutboundTarget verified(TrafficSpec request, CallerClaim claim) {
    check.verify(Caller.current(), claim, topology.current());
    try {
      return OutboundTarget.of(request, config.clusterDomain());
    } catch (IllegalArgumentException e) {
      throw Status.INVALID_ARGUMENT
          .withDescription(e.getMessage())
          .withCause(e)
          .asRuntimeException();
    }
  }

  /** Stops following the topology. */
  @Override
  public void close() {
    nodes.close();
    policies.close();
  }
}

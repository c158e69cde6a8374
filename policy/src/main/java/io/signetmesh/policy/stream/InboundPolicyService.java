package io.signetmesh.policy.stream;

import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import io.linkerd.proxy.inbound.InboundServerPoliciesGrpc;
import io.linkerd.proxy.inbound.PortSpec;
import io.linkerd.proxy.inbound.Server;
import io.signetmesh.identity.channel.Caller;
import io.signetmesh.identity.channel.send.SendTurn;
import io.signetmesh.policy.effective.EffectivePolicy;
import io.signetmesh.policy.effective.PolicyFeatures;
import io.signetmesh.policy.index.PolicyIndex;
import io.signetmesh.policy.index.PortListener;
import io.signetmesh.policy.model.ObjectRef;
import io.signetmesh.policy.model.WorkloadModel;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;

/**
 * {@code io.linkerd.proxy.inbound.InboundServerPolicies}: the effective policy of a workload port,
 * once or as a stream. A stream starts with the present state, goes on with each state that differs
 * from the one before, and ends with OK when the workload is gone or the controller closes.
 */
public final class InboundPolicyService
    extends InboundServerPoliciesGrpc.InboundServerPoliciesImplBase implements AutoCloseable {
  /** Streams of one node at the same time, for all its workloads. */
  static final int MAX_STREAMS_PER_NODE = 65_536;

  private final PolicyIndex index;
  private final WorkloadCalls calls;
  private final NodeBudget nodes;
  private final EnforcementLedger ledger;
  private final Executor executor;
  private final Set<PortStream> streams = ConcurrentHashMap.newKeySet();
  private volatile boolean closed;

  /**
   * @param ledger told about streams
   * @param executor sends to streams; need not keep order
   */
  public InboundPolicyService(PolicyIndex index, EnforcementLedger ledger, Executor executor) {
    this.index = index;
    this.calls = new WorkloadCalls(index);
    this.nodes = new NodeBudget(calls::isNode, MAX_STREAMS_PER_NODE, "policy streams");
    this.ledger = ledger;
    this.executor = executor;
  }

  @Override
  public void getPort(PortSpec request, StreamObserver<Server> response) {
    EffectivePolicy policy;
    try {
      int port = WorkloadCalls.requirePort(request.getPort());
      ObjectRef workload = calls.require(request.getWorkload(), Caller.current());
      policy = index.policy(workload, port).orElseThrow(() -> WorkloadCalls.notFound(workload));
      // It may have moved between the two looks at it.
      calls.require(workload, Caller.current());
    } catch (StatusRuntimeException e) {
      response.onError(e);
      return;
    }
    SendTurn.answer((ServerCallStreamObserver<Server>) response, policy.message(features(request)));
  }

  @Override
  public void watchPort(PortSpec request, StreamObserver<Server> response) {
    var out = (ServerCallStreamObserver<Server>) response;
    try {
      int port = WorkloadCalls.requirePort(request.getPort());
      watch(
          calls.require(request.getWorkload(), Caller.current()),
          Caller.current(),
          port,
          WorkloadCalls.requireInstance(request.getSignetInstance()),
          features(request),
          out);
    } catch (StatusRuntimeException e) {
      out.onError(e);
    }
  }

  private void watch(
      ObjectRef workload,
      Caller caller,
      int port,
      String instance,
      PolicyFeatures features,
      ServerCallStreamObserver<Server> out) {
    Runnable give = nodes.take(caller);
    PortStream stream =
        new PortStream(
            out,
            executor,
            WorkloadCalls.account(caller),
            instance,
            features,
            ledger::sent,
            over -> {
              give.run();
              ended(workload, port, over);
            });
    out.setOnReadyHandler(stream::onReady);
    out.setOnCancelHandler(stream::onCancel);
    if (!ledger.opened(workload, port, stream)) {
      give.run();
      throw Status.RESOURCE_EXHAUSTED
          .withDescription(
              workload
                  + " has "
                  + EnforcementLedger.MAX_STREAMS_PER_WORKLOAD
                  + " policy streams already")
          .asRuntimeException();
    }
    streams.add(stream);
    PolicyIndex.Watch watch;
    try {
      // Looked at again, and from here on followed: it may have moved or gone in between.
      watch =
          index
              .watch(
                  workload,
                  port,
                  new Follower(stream, caller),
                  model -> calls.require(model, caller))
              .orElseThrow(() -> WorkloadCalls.notFound(workload));
    } catch (StatusRuntimeException e) {
      stream.onCancel();
      if (index.workload(workload).isEmpty()) {
        ledger.forget(workload);
      }
      throw e;
    }
    stream.fedBy(watch);
    if (closed) {
      stream.complete();
    }
  }

  /** Ends all streams with OK. */
  @Override
  public void close() {
    closed = true;
    streams.forEach(PortStream::complete);
  }

  private static PolicyFeatures features(PortSpec request) {
    return PolicyFeatures.of(request.getSignetFeaturesList());
  }

  private void ended(ObjectRef workload, int port, PortStream stream) {
    streams.remove(stream);
    ledger.closed(workload, port, stream);
    if (stream.isRefused()) {
      ledger.forgetUnwatched(workload);
    }
  }

  /** Passes policy on to a stream for as long as its caller may speak for the workload. */
  private final class Follower implements PortListener {
    private final PortStream stream;
    private final Caller caller;

    Follower(PortStream stream, Caller caller) {
      this.stream = stream;
      this.caller = caller;
    }

    @Override
    public void onPolicy(EffectivePolicy policy) {
      stream.onPolicy(policy);
    }

    @Override
    public void onWorkloadGone() {
      stream.onWorkloadGone();
    }

    @Override
    public void onWorkloadMoved(WorkloadModel workload) {
      Status refusal = calls.refusal(workload, caller);
      if (refusal != null) {
        stream.refuse(refusal);
      }
    }
  }
}

package io.signetmesh.policy.stream;

import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import io.linkerd.proxy.inbound.InboundServerPoliciesGrpc;
import io.linkerd.proxy.inbound.PortSpec;
import io.linkerd.proxy.inbound.Server;
import io.signetmesh.identity.channel.Caller;
import io.signetmesh.policy.effective.EffectivePolicy;
import io.signetmesh.policy.effective.PolicyFeatures;
import io.signetmesh.policy.index.PolicyIndex;
import io.signetmesh.policy.model.ObjectRef;
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
  private final PolicyIndex index;
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
    this.ledger = ledger;
    this.executor = executor;
  }

  @Override
  public void getPort(PortSpec request, StreamObserver<Server> response) {
    EffectivePolicy policy;
    try {
      int port = WorkloadCalls.requirePort(request.getPort());
      ObjectRef workload = WorkloadCalls.require(index, request.getWorkload(), Caller.current());
      policy = index.policy(workload, port).orElseThrow(() -> WorkloadCalls.notFound(workload));
    } catch (StatusRuntimeException e) {
      response.onError(e);
      return;
    }
    response.onNext(policy.message(features(request)));
    response.onCompleted();
  }

  @Override
  public void watchPort(PortSpec request, StreamObserver<Server> response) {
    var out = (ServerCallStreamObserver<Server>) response;
    try {
      int port = WorkloadCalls.requirePort(request.getPort());
      watch(
          WorkloadCalls.require(index, request.getWorkload(), Caller.current()),
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
      int port,
      String instance,
      PolicyFeatures features,
      ServerCallStreamObserver<Server> out) {
    PortStream stream =
        new PortStream(
            out, executor, instance, features, ledger::sent, over -> ended(workload, port, over));
    out.setOnReadyHandler(stream::onReady);
    out.setOnCancelHandler(stream::onCancel);
    if (!ledger.opened(workload, port, stream)) {
      throw Status.RESOURCE_EXHAUSTED
          .withDescription(
              workload
                  + " has "
                  + EnforcementLedger.MAX_STREAMS_PER_WORKLOAD
                  + " policy streams already")
          .asRuntimeException();
    }
    streams.add(stream);
    PolicyIndex.Watch watch = index.watch(workload, port, stream).orElse(null);
    if (watch == null) {
      // It went away between the two looks at it.
      stream.onCancel();
      ledger.forget(workload);
      throw WorkloadCalls.notFound(workload);
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
  }
}

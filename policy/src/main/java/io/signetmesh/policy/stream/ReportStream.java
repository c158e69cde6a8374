package io.signetmesh.policy.stream;

import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import io.signetmesh.crds.text.PlainText;
import io.signetmesh.identity.channel.Caller;
import io.signetmesh.policy.effective.EffectivePolicy;
import io.signetmesh.policy.fetch.Documents;
import io.signetmesh.policy.index.PolicyIndex;
import io.signetmesh.policy.index.PortListener;
import io.signetmesh.policy.model.JwtModel;
import io.signetmesh.policy.model.ObjectRef;
import io.signetmesh.policy.model.WorkloadModel;
import io.signetmesh.v1.EnforcementReport;
import io.signetmesh.v1.EnforcementSummary;
import io.signetmesh.v1.PortEnforcement;
import io.signetmesh.v1.UnknownKey;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One {@code Report} stream: what the proxy of a workload enforces, told by itself or by its node.
 * It ends when its caller may not speak for the workload any more.
 */
final class ReportStream implements StreamObserver<EnforcementReport>, PortListener {
  private static final Logger LOG = LoggerFactory.getLogger(ReportStream.class);

  /** Streams of one caller for a workload at the same time, on all its connections. */
  static final int MAX_STREAMS = 16;

  /** Streams of one node at the same time, for all its workloads. */
  static final int MAX_STREAMS_PER_NODE = 4_096;

  private static final int MAX_REFUSAL = 1_024;
  private static final int MAX_UNKNOWN_KEYS = 16;
  private static final int MAX_KEY_ID = 256;

  /** Between two looks at what one stream says of unknown keys. */
  private static final long UNKNOWN_KEYS_NANOS = 1_000_000_000L;

  private final Context context;
  private final ServerCallStreamObserver<EnforcementSummary> out;
  private final Caller caller;
  private final AtomicBoolean ended = new AtomicBoolean();
  private @Nullable String wire;
  private volatile @Nullable ObjectRef named;
  private long taken;
  private boolean looked;
  private long lookedAt;

  /** What is given back at the end; null when nothing was taken, or it was given back. */
  private final AtomicReference<@Nullable Runnable> held = new AtomicReference<>();

  /** Who reports for which workload. */
  private record Reporter(String caller, ObjectRef workload) {}

  /** What all streams of a server have in common. */
  static final class Context {
    private final PolicyIndex index;
    private final WorkloadCalls calls;
    private final EnforcementLedger ledger;
    private final Documents documents;
    private final Executor executor;
    private final NodeBudget nodes;
    private final Map<Reporter, Integer> open = new ConcurrentHashMap<>();

    /**
     * @param documents told of keys that tokens named and that are not known
     * @param executor ends streams
     */
    Context(
        PolicyIndex index,
        WorkloadCalls calls,
        EnforcementLedger ledger,
        Documents documents,
        Executor executor) {
      this.index = index;
      this.calls = calls;
      this.ledger = ledger;
      this.documents = documents;
      this.executor = executor;
      this.nodes = new NodeBudget(calls::isNode, MAX_STREAMS_PER_NODE, "streams of reports");
    }

    /** Takes room for a stream; what it returns gives it back. */
    private Runnable take(Caller caller, ObjectRef workload) {
      Runnable ofNode = nodes.take(caller);
      Reporter reporter = new Reporter(WorkloadCalls.account(caller), workload);
      Runnable give =
          () -> {
            open.computeIfPresent(reporter, (_, streams) -> streams == 1 ? null : streams - 1);
            ofNode.run();
          };
      if (open.merge(reporter, 1, Integer::sum) > MAX_STREAMS) {
        give.run();
        throw Status.RESOURCE_EXHAUSTED
            .withDescription(workload + " has " + MAX_STREAMS + " streams of reports already")
            .asRuntimeException();
      }
      return give;
    }

    /** Later, on another thread: the index is locked. */
    private void later(Runnable action) {
      try {
        executor.execute(action);
      } catch (RejectedExecutionException e) {
        LOG.debug("closed: the end of a stream of reports dropped");
      }
    }
  }

  ReportStream(Context context, ServerCallStreamObserver<EnforcementSummary> out, Caller caller) {
    this.context = context;
    this.out = out;
    this.caller = caller;
  }

  @Override
  public void onNext(EnforcementReport report) {
    if (ended.get()) {
      return;
    }
    try {
      take(report);
      taken++;
    } catch (StatusRuntimeException e) {
      refuse(e.getStatus());
    }
  }

  /** Called once for each stream by whoever ends it: with an answer, or because it is gone. */
  private boolean end() {
    boolean first = ended.compareAndSet(false, true);
    release();
    return first;
  }

  private void release() {
    Runnable give = held.getAndSet(null);
    if (give != null) {
      give.run();
    }
  }

  private void refuse(Status why) {
    if (end()) {
      out.onError(why.asRuntimeException());
    }
  }

  @Override
  public void onPolicy(EffectivePolicy policy) {}

  @Override
  public void onWorkloadGone() {
    ObjectRef ref = named;
    if (ref != null) {
      context.later(() -> refuse(WorkloadCalls.notFound(ref).getStatus()));
    }
  }

  @Override
  public void onWorkloadMoved(WorkloadModel workload) {
    Status refusal = context.calls.refusal(workload, caller);
    if (refusal != null) {
      context.later(
          () -> {
            refuse(refusal);
            context.ledger.forgetUnwatched(workload.ref());
          });
    }
  }

  /** Takes room for the stream, and follows the workload. */
  private void begin(ObjectRef ref) {
    Runnable give = context.take(caller, ref);
    named = ref;
    PolicyIndex.Watch watch;
    try {
      watch =
          context
              .index
              .follow(ref, this, model -> context.calls.require(model, caller))
              .orElseThrow(() -> WorkloadCalls.notFound(ref));
    } catch (StatusRuntimeException e) {
      give.run();
      throw e;
    }
    held.set(
        () -> {
          watch.close();
          give.run();
        });
    if (ended.get()) {
      // It moved at once.
      release();
    }
  }

  private void take(EnforcementReport report) {
    ObjectRef ref = named;
    if (ref == null) {
      ref = WorkloadCalls.parse(report.getWorkload());
      context.calls.require(ref, caller);
      wire = report.getWorkload();
      begin(ref);
    } else if (!report.getWorkload().equals(wire)) {
      throw Status.INVALID_ARGUMENT
          .withDescription("a second workload on one stream of reports: expected one")
          .asRuntimeException();
    }
    // Looked up each time: the workload may have become someone else since.
    context.calls.require(ref, caller);
    report.getPortsList().forEach(port -> WorkloadCalls.requirePort(port.getPort()));
    String instance = WorkloadCalls.requireInstance(report.getInstance());
    for (PortEnforcement port : report.getPortsList()) {
      note(ref, instance, port);
    }
    if (report.getUnknownKeysCount() > 0) {
      unknownKeys(ref, report.getUnknownKeysList());
    }
    if (report.getPortsCount() > 0) {
      forgetIfRefused(ref);
    }
  }

  /** It may have moved while the report was noted: then nothing of it stays. */
  private void forgetIfRefused(ObjectRef ref) {
    try {
      context.calls.require(ref, caller);
    } catch (StatusRuntimeException e) {
      context.ledger.forgetUnwatched(ref);
      throw e;
    }
  }

  /** Keys of authentications that no port of the workload refers to are passed over. */
  private void unknownKeys(ObjectRef workload, List<UnknownKey> unknown) {
    long now = System.nanoTime();
    if (looked && now - lookedAt < UNKNOWN_KEYS_NANOS) {
      return;
    }
    looked = true;
    lookedAt = now;
    Set<String> used = context.index.tokens(workload);
    unknown.stream()
        .limit(MAX_UNKNOWN_KEYS)
        .filter(key -> used.contains(key.getAuthentication()))
        .filter(key -> key.getKeyId().length() <= MAX_KEY_ID)
        .forEach(
            key ->
                context.documents.unknownKey(
                    JwtModel.refOf(key.getAuthentication()), key.getKeyId()));
  }

  private void note(ObjectRef workload, String instance, PortEnforcement port) {
    String refusal = readable(port.getRefusal());
    if (!refusal.isEmpty()) {
      LOG.error(
          "{} port {} does not put generation {} in force and refuses everything: {}",
          workload,
          port.getPort(),
          port.getGeneration(),
          refusal);
    }
    if (!context.ledger.acknowledged(
        workload, port.getPort(), instance, port.getGeneration(), refusal)) {
      throw Status.RESOURCE_EXHAUSTED
          .withDescription(
              workload
                  + " has reported "
                  + EnforcementLedger.MAX_PORTS_PER_WORKLOAD
                  + " ports already")
          .asRuntimeException();
    }
    if (context.index.workload(workload).isEmpty()) {
      context.ledger.forget(workload);
    }
  }

  private static String readable(String refusal) {
    String cut = refusal.length() > MAX_REFUSAL ? refusal.substring(0, MAX_REFUSAL) : refusal;
    return PlainText.of(cut);
  }

  @Override
  public void onError(Throwable error) {
    end();
  }

  @Override
  public void onCompleted() {
    if (end()) {
      out.onNext(EnforcementSummary.newBuilder().setReports(taken).build());
      out.onCompleted();
    }
  }
}

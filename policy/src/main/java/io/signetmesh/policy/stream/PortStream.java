package io.signetmesh.policy.stream;

import io.grpc.Status;
import io.grpc.stub.ServerCallStreamObserver;
import io.linkerd.proxy.inbound.Server;
import io.signetmesh.identity.channel.send.SendTurn;
import io.signetmesh.policy.effective.EffectivePolicy;
import io.signetmesh.policy.effective.PolicyFeatures;
import io.signetmesh.policy.index.PolicyIndex;
import io.signetmesh.policy.index.PortListener;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One {@code WatchPort} stream. Holds at most the newest state that the client has not taken yet,
 * however slowly it reads. States in between are skipped, and so is a state that equals the last
 * one sent. A large state waits for its turn ({@link SendTurn}). Made while the call is served.
 */
final class PortStream implements PortListener, StreamProgress {
  private static final Logger LOG = LoggerFactory.getLogger(PortStream.class);

  private final ServerCallStreamObserver<Server> out;
  private final Executor executor;
  private final String speaker;
  private final String instance;
  private final PolicyFeatures features;
  private final Runnable onSent;
  private final Consumer<PortStream> onEnd;
  private final SendTurn turn = SendTurn.ofCall(this::schedule);
  private final AtomicReference<@Nullable EffectivePolicy> pending = new AtomicReference<>();
  private final AtomicBoolean scheduled = new AtomicBoolean();
  private final AtomicBoolean ended = new AtomicBoolean();
  private volatile @Nullable EffectivePolicy sent;
  private volatile boolean completing;
  private volatile @Nullable Status refusal;
  private PolicyIndex.@Nullable Watch watch;
  private boolean released;

  /**
   * @param speaker identity of the caller
   * @param instance run of the proxy that watches; empty when it names none
   * @param features of the proxy that watches
   * @param onSent told of each message that goes out
   * @param onEnd told once when the stream is over, for whatever reason
   */
  PortStream(
      ServerCallStreamObserver<Server> out,
      Executor executor,
      String speaker,
      String instance,
      PolicyFeatures features,
      Runnable onSent,
      Consumer<PortStream> onEnd) {
    this.out = out;
    this.executor = executor;
    this.speaker = speaker;
    this.instance = instance;
    this.features = features;
    this.onSent = onSent;
    this.onEnd = onEnd;
  }

  /** The watch that feeds the stream, which is closed with it. */
  void fedBy(PolicyIndex.Watch feeding) {
    synchronized (this) {
      if (!released) {
        watch = feeding;
        return;
      }
    }
    feeding.close();
  }

  @Override
  public void onPolicy(EffectivePolicy policy) {
    pending.set(policy);
    schedule();
  }

  @Override
  public void onWorkloadGone() {
    complete();
  }

  /** Ends the stream with status OK. */
  void complete() {
    completing = true;
    schedule();
  }

  /** Ends the stream with an error: nothing is sent any more. */
  void refuse(Status why) {
    refusal = why;
    schedule();
  }

  /** Whether the stream ends because the caller may not have it any more. */
  boolean isRefused() {
    return refusal != null;
  }

  /** The client takes messages again. */
  void onReady() {
    turn.taken();
    schedule();
  }

  /** The client is gone. */
  void onCancel() {
    end();
  }

  @Override
  public @Nullable EffectivePolicy sent() {
    return sent;
  }

  @Override
  public @Nullable EffectivePolicy pending() {
    return pending.get();
  }

  @Override
  public boolean acknowledges() {
    return features.generation();
  }

  @Override
  public String speaker() {
    return speaker;
  }

  @Override
  public String instance() {
    return instance;
  }

  private void schedule() {
    if (!ended.get() && scheduled.compareAndSet(false, true)) {
      try {
        executor.execute(this::drain);
      } catch (RejectedExecutionException e) {
        LOG.debug("closed: news of a port dropped");
      }
    }
  }

  private void drain() {
    scheduled.set(false);
    synchronized (out) {
      if (ended.get()) {
        return;
      }
      Status refused = refusal;
      if (refused != null) {
        out.onError(refused.asRuntimeException());
        end();
        return;
      }
      EffectivePolicy next = pending.get();
      EffectivePolicy last = sent;
      if (next != null && last != null && isAlike(next, last)) {
        pending.compareAndSet(next, null);
      } else if (next != null && out.isReady()) {
        send(next);
      }
      if (completing) {
        out.onCompleted();
        end();
      }
    }
    if (pending.get() != null && out.isReady() && !turn.isWaiting()) {
      schedule();
    }
  }

  private void send(EffectivePolicy next) {
    Server message = next.message(features);
    if (turn.take(message.getSerializedSize())) {
      out.onNext(message);
      sent = next;
      onSent.run();
      pending.compareAndSet(next, null);
    }
  }

  private boolean isAlike(EffectivePolicy one, EffectivePolicy other) {
    return one.rendered(features).equals(other.rendered(features));
  }

  private void end() {
    if (!ended.compareAndSet(false, true)) {
      return;
    }
    PolicyIndex.Watch open;
    synchronized (this) {
      released = true;
      open = watch;
      watch = null;
    }
    if (open != null) {
      open.close();
    }
    turn.close();
    onEnd.accept(this);
  }
}

package io.signetmesh.identity.spiffe;

import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.ServerCallStreamObserver;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Sends the newest state to a client, once for each change that it can take: a client that does not
 * read misses states between, and nothing is queued for it.
 */
final class StateStream<T> {
  private static final Logger log = LoggerFactory.getLogger(StateStream.class);

  private final ServerCallStreamObserver<T> out;
  private final Supplier<@Nullable T> state;
  private final Executor executor;
  private final AtomicBoolean due = new AtomicBoolean();

  /** Held while the state is computed, which may wait: the end of a stream does not need it. */
  private final Object sending = new Object();

  /** Guarded by sending. */
  private @Nullable T last;

  // Guarded by this.
  private Runnable onEnd = () -> {};
  private boolean ended;

  /**
   * Makes a stream.
   *
   * @param state computes the newest state; null when there is none yet; throws {@link
   *     StatusRuntimeException} to end the stream
   * @param executor where that is done
   */
  StateStream(ServerCallStreamObserver<T> out, Supplier<@Nullable T> state, Executor executor) {
    this.out = out;
    this.state = state;
    this.executor = executor;
    out.setOnReadyHandler(this::changed);
    out.setOnCancelHandler(this::end);
  }

  /**
   * Begins to send.
   *
   * @param end called once, when nothing is sent any more
   */
  void start(Runnable end) {
    boolean late;
    synchronized (this) {
      late = ended;
      if (!late) {
        onEnd = end;
      }
    }
    if (late) {
      end.run();
    } else {
      changed();
    }
  }

  /** The state has changed, or the client can take more. */
  void changed() {
    if (due.compareAndSet(false, true)) {
      try {
        executor.execute(this::send);
      } catch (RejectedExecutionException e) {
        log.debug("change after close");
      }
    }
  }

  private void send() {
    synchronized (sending) {
      due.set(false);
      if (isEnded() || !out.isReady()) {
        return;
      }
      try {
        T next = state.get();
        // A state may take long: the client can be gone by now.
        if (next != null && !next.equals(last) && !isEnded()) {
          last = next;
          out.onNext(next);
        }
      } catch (StatusRuntimeException e) {
        fail(e);
      } catch (RuntimeException e) {
        log.error("a stream of the Workload API failed", e);
        fail(Status.INTERNAL.withDescription("a fault of the agent").asRuntimeException());
      }
    }
  }

  private void fail(StatusRuntimeException why) {
    if (end()) {
      out.onError(why);
    }
  }

  private synchronized boolean isEnded() {
    return ended;
  }

  /** Returns whether this was the end, and not one after it. */
  private boolean end() {
    Runnable told;
    synchronized (this) {
      if (ended) {
        return false;
      }
      ended = true;
      told = onEnd;
    }
    told.run();
    return true;
  }
}

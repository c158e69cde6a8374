package io.signetmesh.identity.channel;

import com.google.protobuf.MessageLite;
import io.grpc.ForwardingServerCall.SimpleForwardingServerCall;
import io.grpc.ForwardingServerCallListener.SimpleForwardingServerCallListener;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.Status;
import io.signetmesh.identity.channel.Refusals.Bound;
import java.time.Duration;

/**
 * Charges answers that a client has not read yet to its share. A call whose answers do not fit, or
 * are not taken in time, is ended, and its service finds it cancelled. A service that asks whether
 * a call is ready has at most one message of it waiting.
 *
 * @param <Q> request
 * @param <A> answer
 */
final class CallCharge<Q, A> extends SimpleForwardingServerCall<Q, A> {
  private final CallGuard guard;
  private final int stream;

  // Guarded by this.
  private long charged;
  private long sinceNanos;
  private boolean over;

  /**
   * @param stream of the call on the connection that the guard is of
   */
  CallCharge(ServerCall<Q, A> call, CallGuard guard, int stream) {
    super(call);
    this.guard = guard;
    this.stream = stream;
    call.setOnReadyThreshold(1);
  }

  @Override
  public void sendMessage(A message) {
    int bytes = message instanceof MessageLite encoded ? encoded.getSerializedSize() : 0;
    synchronized (this) {
      if (over) {
        return;
      }
      over = !guard.share().take(bytes);
      if (!over) {
        if (charged == 0) {
          sinceNanos = System.nanoTime();
          guard.waits(this);
        }
        charged += bytes;
        super.sendMessage(message);
        return;
      }
    }
    guard.end(
        stream,
        Bound.MEMORY,
        Status.RESOURCE_EXHAUSTED.withDescription(
            "an answer of " + bytes + " bytes does not fit what the client may leave unread"));
  }

  @Override
  public void close(Status status, Metadata trailers) {
    synchronized (this) {
      if (over) {
        return;
      }
    }
    super.close(status, trailers);
  }

  /** Follows which messages the service takes, and how far the client reads. */
  ServerCall.Listener<Q> following(ServerCall.Listener<Q> listener) {
    CallBudget.Hold hold = guard.hold(stream);
    return new SimpleForwardingServerCallListener<>(listener) {
      @Override
      public void onMessage(Q message) {
        if (hold != null) {
          hold.taken();
        }
        super.onMessage(message);
      }

      @Override
      public void onReady() {
        settle(false);
        super.onReady();
      }

      @Override
      public void onComplete() {
        settle(true);
        super.onComplete();
      }

      @Override
      public void onCancel() {
        settle(true);
        super.onCancel();
      }
    };
  }

  private synchronized void settle(boolean end) {
    // Ready means that nothing waits.
    if (end || isReady()) {
      guard.share().give(charged);
      charged = 0;
      guard.waitsNoMore(this);
    }
    over |= end;
  }

  /**
   * Ends the call when its client has not taken an answer in time.
   *
   * @param nowNanos as {@link System#nanoTime}
   */
  void endIfLate(long nowNanos, Duration toTake) {
    synchronized (this) {
      if (over || charged == 0 || nowNanos - sinceNanos < toTake.toNanos()) {
        return;
      }
      over = true;
    }
    guard.end(
        stream,
        Bound.TIME,
        Status.DEADLINE_EXCEEDED.withDescription(
            "an answer was not taken in " + toTake.toSeconds() + " s"));
  }
}

package io.signetmesh.identity.channel.send;

import com.google.protobuf.MessageLite;
import io.grpc.Context;
import io.grpc.Status;
import io.grpc.stub.ServerCallStreamObserver;

/**
 * The turn of one call among all that have large answers to send. Each answer is copied for its
 * connection until the client has taken it, so only as many are sent at a time as the {@link
 * SendBudget} has room for. Thread-safe.
 */
public final class SendTurn implements SendBudget.Waiter, AutoCloseable {
  /** Answers of at most so many bytes need no turn: a call takes as much by being open. */
  public static final int SMALL = 4 * 1024;

  /** Calls of no server of the control plane: those of tests. */
  private static final Sender NOBODY = new Sender(SendBudget.ofProcess(), "");

  private static final Context.Key<Sender> KEY =
      Context.keyWithDefault("signet-send-budget", NOBODY);

  private final Sender sender;
  private final Runnable retry;

  // Guarded by this.
  private long held;
  private boolean waiting;
  private boolean closed;

  private record Sender(SendBudget budget, String owner) {
    void giveBack(long bytes) {
      if (bytes > 0) {
        budget.release(owner, bytes);
      }
    }
  }

  private SendTurn(Sender sender, Runnable retry) {
    this.sender = sender;
    this.retry = retry;
  }

  /**
   * The context of a call.
   *
   * @param budget of the process
   * @param owner identity of the client
   */
  public static Context in(Context context, SendBudget budget, String owner) {
    return context.withValue(KEY, new Sender(budget, owner));
  }

  /**
   * The turn of the current call.
   *
   * @param retry run when there may be room for an answer that had to wait, on any thread
   */
  public static SendTurn ofCall(Runnable retry) {
    return new SendTurn(KEY.get(), retry);
  }

  /**
   * Takes room for an answer; for when the client takes messages.
   *
   * @return false when the answer has to wait, or the call is over
   */
  public boolean take(long bytes) {
    synchronized (this) {
      if (closed) {
        return false;
      }
      if (bytes <= SMALL) {
        sender.budget.forget(this);
        waiting = false;
        return true;
      }
      waiting = !sender.budget.take(sender.owner, bytes, this);
      held += waiting ? 0 : bytes;
      return !waiting;
    }
  }

  /** Whether an answer waits for room. */
  public synchronized boolean isWaiting() {
    return waiting;
  }

  /** The client has taken what it was sent: first thing to do when it is ready again. */
  public void taken() {
    long done;
    synchronized (this) {
      done = held;
      held = 0;
    }
    sender.giveBack(done);
  }

  @Override
  public void retry() {
    synchronized (this) {
      waiting = false;
    }
    retry.run();
  }

  /** The call is over. */
  @Override
  public void close() {
    synchronized (this) {
      closed = true;
      waiting = false;
      sender.budget.forget(this);
    }
    taken();
  }

  /**
   * Answers the current call, which has one answer. Refuses it with RESOURCE_EXHAUSTED when there
   * is no room. To be called before the service method returns.
   *
   * @param <A> type of the answer
   */
  public static <A extends MessageLite> void answer(ServerCallStreamObserver<A> out, A answer) {
    Sender sender = KEY.get();
    int bytes = answer.getSerializedSize();
    if (bytes > SMALL) {
      if (!sender.budget.takeNow(sender.owner, bytes)) {
        out.onError(
            Status.RESOURCE_EXHAUSTED
                .withDescription(
                    "no room for an answer of " + bytes + " bytes: too much is on its way")
                .asRuntimeException());
        return;
      }
      // One of the two is run, once.
      Runnable taken = () -> sender.giveBack(bytes);
      out.setOnCloseHandler(taken);
      out.setOnCancelHandler(taken);
    }
    out.onNext(answer);
    out.onCompleted();
  }
}

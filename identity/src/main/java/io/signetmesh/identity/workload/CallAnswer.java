package io.signetmesh.identity.workload;

import io.grpc.stub.StreamObserver;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * The one answer to a call. It counts when the call has ended well: the server takes what it said
 * back when the call fails after the message.
 */
final class CallAnswer<T> implements StreamObserver<T> {
  private final CompletableFuture<T> future;
  private final String call;

  /** Calls of an observer come one after the other. */
  private @Nullable T answer;

  /**
   * Waits for an answer.
   *
   * @param future gets it, or why there is none
   * @param call name of the call, for messages
   */
  CallAnswer(CompletableFuture<T> future, String call) {
    this.future = future;
    this.call = call;
  }

  @Override
  public void onNext(T response) {
    answer = response;
  }

  @Override
  public void onError(Throwable error) {
    future.completeExceptionally(error);
  }

  @Override
  public void onCompleted() {
    T complete = answer;
    if (complete == null) {
      future.completeExceptionally(new IllegalStateException("no answer to " + call));
    } else {
      future.complete(complete);
    }
  }
}

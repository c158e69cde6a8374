package io.signetmesh.identity.workload;

import io.grpc.stub.StreamObserver;
import java.util.concurrent.CompletableFuture;

/**
 * The one answer to a call.
 *
 * @param future gets it, or why there is none
 * @param call name of the call, for messages
 */
record CallAnswer<T>(CompletableFuture<T> future, String call) implements StreamObserver<T> {
  @Override
  public void onNext(T response) {
    future.complete(response);
  }

  @Override
  public void onError(Throwable error) {
    future.completeExceptionally(error);
  }

  @Override
  public void onCompleted() {
    future.completeExceptionally(new IllegalStateException("no answer to " + call));
  }
}

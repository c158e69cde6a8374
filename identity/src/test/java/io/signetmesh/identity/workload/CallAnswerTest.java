package io.signetmesh.identity.workload;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.grpc.Status;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

class CallAnswerTest {
  private final CompletableFuture<String> future = new CompletableFuture<>();
  private final CallAnswer<String> answer = new CallAnswer<>(future, "Certify");

  @Test
  void answerCountsWhenTheCallHasEndedWell() {
    answer.onNext("leaf");
    assertThat(future).isNotDone();

    answer.onCompleted();
    assertThat(future).isCompletedWithValue("leaf");
  }

  @Test
  void answerOfACallThatFailsAfterItIsNotTaken() {
    answer.onNext("leaf");
    answer.onError(Status.CANCELLED.withDescription("the call is refused").asRuntimeException());

    assertThatThrownBy(future::join).hasMessageContaining("the call is refused");
  }

  @Test
  void callWithoutAnAnswerIsNamed() {
    answer.onCompleted();

    assertThatThrownBy(future::join).hasMessageContaining("no answer to Certify");
  }
}

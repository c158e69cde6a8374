package io.signetmesh.identity.spiffe;

import static org.assertj.core.api.Assertions.assertThat;

import io.grpc.Status;
import io.grpc.stub.ServerCallStreamObserver;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class StateStreamTest {
  private final Client client = new Client();
  private @Nullable String state = "a";
  private int ended;

  @Test
  void aClientThatDoesNotReadGetsTheNewestStateWhenItReadsAgain() {
    StateStream<String> stream = start();
    client.ready = false;
    for (String next : List.of("b", "c", "d")) {
      state = next;
      stream.changed();
    }
    assertThat(client.messages).containsExactly("a");

    client.ready = true;
    client.onReady.run();
    assertThat(client.messages).containsExactly("a", "d");
  }

  @Test
  void aChangeThatMakesNoDifferenceIsNotSent() {
    StateStream<String> stream = start();
    stream.changed();

    assertThat(client.messages).containsExactly("a");
  }

  @Test
  void aStreamWithoutStateWaitsForIt() {
    state = null;
    StateStream<String> stream = start();
    assertThat(client.messages).isEmpty();

    state = "late";
    stream.changed();
    assertThat(client.messages).containsExactly("late");
  }

  @Test
  void aStateThatIsRefusedEndsTheStreamOnce() {
    StateStream<String> stream =
        new StateStream<>(
            client,
            () -> {
              throw Status.PERMISSION_DENIED.asRuntimeException();
            },
            Runnable::run);
    stream.start(() -> ended++);
    stream.changed();
    client.onCancel.run();

    assertThat(client.errors).hasSize(1);
    assertThat(ended).isEqualTo(1);
  }

  @Test
  void aCancelledStreamSendsNothing() {
    StateStream<String> stream = start();
    client.onCancel.run();
    state = "b";
    stream.changed();

    assertThat(client.messages).containsExactly("a");
    assertThat(ended).isEqualTo(1);
  }

  /** What computes a state may wait for a file; whoever tells of the end has other streams. */
  @Test
  void theEndOfAStreamDoesNotWaitForAStateThatIsBeingComputed() throws Exception {
    CountDownLatch computing = new CountDownLatch(1);
    CountDownLatch goOn = new CountDownLatch(1);
    ExecutorService executor = Executors.newSingleThreadExecutor();
    try {
      StateStream<String> stream =
          new StateStream<>(
              client,
              () -> {
                computing.countDown();
                try {
                  goOn.await();
                } catch (InterruptedException e) {
                  throw new IllegalStateException(e);
                }
                return "late";
              },
              executor);
      stream.start(() -> ended++);
      assertThat(computing.await(20, TimeUnit.SECONDS)).isTrue();

      client.onCancel.run();

      assertThat(ended).isEqualTo(1);
      goOn.countDown();
      executor.submit(() -> {}).get(20, TimeUnit.SECONDS);
      assertThat(client.messages).isEmpty();
    } finally {
      executor.shutdownNow();
    }
  }

  private StateStream<String> start() {
    StateStream<String> stream = new StateStream<>(client, () -> state, Runnable::run);
    stream.start(() -> ended++);
    return stream;
  }

  private static final class Client extends ServerCallStreamObserver<String> {
    private final List<String> messages = new ArrayList<>();
    private final List<Throwable> errors = new ArrayList<>();
    private boolean ready = true;
    private Runnable onReady = () -> {};
    private Runnable onCancel = () -> {};

    @Override
    public boolean isReady() {
      return ready;
    }

    @Override
    public void setOnReadyHandler(Runnable handler) {
      onReady = handler;
    }

    @Override
    public void setOnCancelHandler(Runnable handler) {
      onCancel = handler;
    }

    @Override
    public void onNext(String message) {
      messages.add(message);
    }

    @Override
    public void onError(Throwable error) {
      errors.add(error);
    }

    @Override
    public boolean isCancelled() {
      return false;
    }

    @Override
    public void setCompression(String compression) {}

    @Override
    public void disableAutoInboundFlowControl() {}

    @Override
    public void request(int count) {}

    @Override
    public void setMessageCompression(boolean enable) {}

    @Override
    public void onCompleted() {}
  }
}

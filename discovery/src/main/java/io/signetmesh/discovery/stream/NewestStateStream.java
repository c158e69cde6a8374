package io.signetmesh.discovery.stream;

import io.grpc.stub.ServerCallStreamObserver;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * Sends the changes of one value to one client. There is no queue: states that the client is too
 * slow to read are skipped. When it reads again, it gets the difference between the last sent state
 * and the newest one. A stream holds at most one state and gRPC's own send buffer.
 *
 * @param <V> type of the state
 * @param <M> type of the messages
 */
public final class NewestStateStream<V, M> {
  private final ServerCallStreamObserver<M> client;
  private final Encoder<V, M> encoder;
  private final Runnable whenOver;
  private final AtomicInteger work = new AtomicInteger();
  private volatile LiveValues.@Nullable Following<Answer<V>> following;

  // Confined to whoever holds the work counter.
  private @Nullable V sent;
  private boolean ended;

  private NewestStateStream(
      ServerCallStreamObserver<M> client, Encoder<V, M> encoder, Runnable whenOver) {
    this.client = client;
    this.encoder = encoder;
    this.whenOver = whenOver;
  }

  /**
   * Serves a client until it cancels or the value ends. Call this from the service method.
   *
   * @param key which value the client follows
   * @param encoder converts states to messages
   */
  public static <K, V, M> void serve(
      LiveValues<K, Answer<V>> values,
      K key,
      ServerCallStreamObserver<M> client,
      Encoder<V, M> encoder) {
    serve(values, key, client, encoder, () -> {});
  }

  /**
   * Serves a client, as {@link #serve(LiveValues, Object, ServerCallStreamObserver, Encoder)} does.
   *
   * @param whenOver run once, on any thread, when the value is no longer followed
   */
  public static <K, V, M> void serve(
      LiveValues<K, Answer<V>> values,
      K key,
      ServerCallStreamObserver<M> client,
      Encoder<V, M> encoder,
      Runnable whenOver) {
    NewestStateStream<V, M> stream = new NewestStateStream<>(client, encoder, whenOver);
    client.setOnReadyHandler(stream::signal);
    client.setOnCancelHandler(stream::signal);
    client.setOnCloseHandler(stream::signal);
    stream.following = values.follow(key, stream::signal);
    stream.signal();
  }

  private void signal() {
    if (work.getAndIncrement() != 0) {
      return;
    }
    int seen = 1;
    do {
      step();
      seen = work.addAndGet(-seen);
    } while (seen != 0);
  }

  private void step() {
    LiveValues.Following<Answer<V>> source = following;
    if (ended || source == null) {
      return;
    }
    if (client.isCancelled()) {
      end(source);
      return;
    }
    if (!client.isReady()) {
      return;
    }
    switch (source.value()) {
      case Answer.End<V> end -> {
        end(source);
        client.onError(end.status().asRuntimeException());
      }
      case Answer.State<V> state -> {
        V newest = state.value();
        V before = sent;
        if (newest.equals(before)) {
          return;
        }
        sent = newest;
        for (M message : encoder.encode(before, newest)) {
          client.onNext(message);
        }
      }
    }
  }

  private void end(LiveValues.Following<Answer<V>> source) {
    ended = true;
    sent = null;
    source.close();
    whenOver.run();
  }

  /**
   * Encodes the difference between two states.
   *
   * @param <V> type of the state
   * @param <M> type of the messages
   */
  @FunctionalInterface
  public interface Encoder<V, M> {
    /**
     * The messages that take a client from one state to the next, in order.
     *
     * @param before state that the client has; null at first
     * @param after state that the client gets; differs from {@code before}
     */
    List<M> encode(@Nullable V before, V after);
  }
}

package io.signetmesh.discovery.stream;

import com.google.protobuf.MessageLite;
import io.grpc.Status;
import io.grpc.stub.ServerCallStreamObserver;
import io.signetmesh.identity.channel.send.SendTurn;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Sends the changes of one value to one client. There is no queue: states that the client is too
 * slow to read are skipped. When it reads again, it gets the difference between the last sent state
 * and the newest one. A stream holds at most one state and gRPC's own send buffer. What is large
 * waits for its turn ({@link SendTurn}).
 *
 * @param <V> type of the state
 * @param <M> type of the messages
 */
public final class NewestStateStream<V, M extends MessageLite> {
  private static final Logger log = LoggerFactory.getLogger(NewestStateStream.class);

  private final ServerCallStreamObserver<M> client;
  private final Encoder<V, M> encoder;
  private final Permit permit;
  private final SendTurn turn = SendTurn.ofCall(this::signal);
  private final AtomicInteger work = new AtomicInteger();
  private volatile LiveValues.@Nullable Following<Answer<V>> following;

  // Confined to whoever holds the work counter.
  private @Nullable V sent;
  private boolean ended;

  private NewestStateStream(
      ServerCallStreamObserver<M> client, Encoder<V, M> encoder, Permit permit) {
    this.client = client;
    this.encoder = encoder;
    this.permit = permit;
  }

  /**
   * Serves a client until it cancels, the value ends or the permit does. Call this from the service
   * method.
   *
   * @param key which value the client follows
   * @param encoder converts states to messages
   * @param permit asked before each message
   */
  public static <K, V, M extends MessageLite> void serve(
      LiveValues<K, Answer<V>> values,
      K key,
      ServerCallStreamObserver<M> client,
      Encoder<V, M> encoder,
      Permit permit) {
    NewestStateStream<V, M> stream = new NewestStateStream<>(client, encoder, permit);
    client.setOnReadyHandler(stream::ready);
    client.setOnCancelHandler(stream::signal);
    client.setOnCloseHandler(stream::signal);
    permit.onChange(stream::signal);
    boolean isFollowing = false;
    try {
      stream.following = values.follow(key, stream::signal);
      isFollowing = true;
    } finally {
      if (!isFollowing) {
        // The call ends by what was thrown, and the stream has not begun.
        permit.over();
      }
    }
    stream.signal();
  }

  private void ready() {
    turn.taken();
    signal();
  }

  private void signal() {
    if (work.getAndIncrement() != 0) {
      return;
    }
    int seen = 1;
    do {
      try {
        step();
      } catch (RuntimeException | Error e) {
        fail(e);
      }
      seen = work.addAndGet(-seen);
    } while (seen != 0);
  }

  /** A stream that cannot go on ends, so that its client asks again. */
  private void fail(Throwable cause) {
    LiveValues.Following<Answer<V>> source = following;
    if (ended || source == null) {
      return;
    }
    end(source);
    try {
      client.onError(
          Status.INTERNAL.withDescription("the answer could not be made").asRuntimeException());
    } catch (RuntimeException e) {
      cause.addSuppressed(e);
    }
    log.error("a stream has ended because its answer could not be made", cause);
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
    Status refusal = permit.refusal();
    if (refusal != null) {
      end(source);
      client.onError(refusal.asRuntimeException());
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
        if (turn.isWaiting()) {
          return;
        }
        List<M> messages = encoder.encode(before, newest);
        if (turn.take(messages.stream().mapToLong(MessageLite::getSerializedSize).sum())) {
          sent = newest;
          messages.forEach(client::onNext);
        }
      }
    }
  }

  private void end(LiveValues.Following<Answer<V>> source) {
    ended = true;
    sent = null;
    turn.close();
    source.close();
    permit.over();
  }

  /** Whether the client may be served. */
  public interface Permit {
    /** Why the stream has to end now; null when it may go on. */
    @Nullable Status refusal();

    /**
     * Takes what is to be run when {@link #refusal} may have changed.
     *
     * @param action must not block
     */
    void onChange(Runnable action);

    /** The stream is over: called once, on any thread. */
    void over();
  }

  /**
   * Encodes the difference between two states.
   *
   * @param <V> type of the state
   * @param <M> type of the messages
   */
  @FunctionalInterface
  public interface Encoder<V, M extends MessageLite> {
    /**
     * The messages that take a client from one state to the next, in order.
     *
     * @param before state that the client has; null at first
     * @param after state that the client gets; differs from {@code before}
     */
    List<M> encode(@Nullable V before, V after);
  }
}

package io.signetmesh.proxy.upstream;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import java.util.concurrent.ScheduledExecutorService;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A server stream that is opened again, with backoff, for as long as it is wanted. One message is
 * asked for at a time, so a reader that is slow holds the server back and not memory.
 *
 * @param <Q> request
 * @param <A> message
 */
final class Subscription<Q, A> {
  private static final Logger log = LoggerFactory.getLogger(Subscription.class);

  private final Channel channel;
  private final MethodDescriptor<Q, A> method;
  private final Q request;
  private final Sink<A> sink;
  private final Retry retry;
  private @Nullable ClientCall<Q, A> call;
  private boolean opened;
  private boolean started;
  private boolean closed;
  private volatile boolean live;

  /**
   * Reads a stream. Calls come one at a time, from any thread.
   *
   * @param <A> message
   */
  interface Sink<A> {
    /** A stream is about to be opened, for the first time or again. */
    default void opening() {}

    /** A message. */
    void message(A message);

    /** The stream ended, not by {@link #close}: whether to open it again. */
    boolean ended(Status status);
  }

  Subscription(
      Channel channel,
      MethodDescriptor<Q, A> method,
      Q request,
      ScheduledExecutorService scheduler,
      Sink<A> sink) {
    this.channel = channel;
    this.method = method;
    this.request = request;
    this.sink = sink;
    this.retry = new Retry(scheduler);
  }

  /** Opens the stream, the first time that it is called. */
  void open() {
    synchronized (this) {
      if (opened) {
        return;
      }
      opened = true;
    }
    start();
  }

  private void start() {
    ClientCall<Q, A> fresh = channel.newCall(method, CallOptions.DEFAULT);
    synchronized (this) {
      if (closed) {
        return;
      }
      call = fresh;
      started = false;
    }
    sink.opening();
    fresh.start(new Listener(fresh), new Metadata());
    boolean unwanted;
    synchronized (this) {
      started = true;
      unwanted = closed;
    }
    if (unwanted) {
      cancel(fresh);
      return;
    }
    fresh.request(1);
    fresh.sendMessage(request);
    fresh.halfClose();
  }

  /** Ends the stream for good. */
  void close() {
    ClientCall<Q, A> running;
    synchronized (this) {
      closed = true;
      // A call that is just being started is cancelled by whoever starts it.
      running = started ? call : null;
      call = null;
    }
    if (running != null) {
      cancel(running);
    }
  }

  /** Whether the stream is open and has brought something. */
  boolean isLive() {
    return live;
  }

  private synchronized boolean isClosed() {
    return closed;
  }

  private static void cancel(ClientCall<?, ?> call) {
    call.cancel("no longer used", null);
  }

  private final class Listener extends ClientCall.Listener<A> {
    private final ClientCall<Q, A> own;

    Listener(ClientCall<Q, A> own) {
      this.own = own;
    }

    @Override
    public void onMessage(A message) {
      if (isClosed()) {
        return;
      }
      sink.message(message);
      live = true;
      retry.succeeded();
      own.request(1);
    }

    @Override
    public void onClose(Status status, Metadata trailers) {
      live = false;
      if (isClosed()) {
        return;
      }
      log.debug("{} ended: {}", method.getFullMethodName(), status);
      if (sink.ended(status)) {
        retry.schedule(Subscription.this::start);
      }
    }
  }
}

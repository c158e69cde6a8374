package io.signetmesh.proxy;

import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ForwardingClientCall.SimpleForwardingClientCall;
import io.grpc.ForwardingClientCallListener.SimpleForwardingClientCallListener;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The connections to one service of the control plane that all workloads of a node share. There is
 * one connection, and another only when so many calls are open that a server would have more of
 * them wait. Each workload has a view of its own: a bound on its open calls, and a thread for the
 * callbacks, so that a workload that opens many calls or is slow to take its messages does not keep
 * others from theirs. Thread-safe.
 */
final class SharedChannel implements AutoCloseable {
  /** Open calls of a connection; below the 10,000 that servers of the control plane admit. */
  static final int CALLS_PER_CONNECTION = 8_000;

  /** Connections: more calls than these carry are refused. */
  static final int MOST_CONNECTIONS = 8;

  /**
   * Open calls of one workload: a stream for each port, and two for each destination that it uses
   * at the same time.
   */
  static final int CALLS_PER_WORKLOAD = 4_096;

  private final Supplier<ManagedChannel> opener;
  private final List<Connection> connections = new ArrayList<>();
  private boolean closed;

  private static final class Connection {
    private final ManagedChannel channel;
    private int calls;

    Connection(ManagedChannel channel) {
      this.channel = channel;
    }
  }

  /**
   * @param opener opens a channel of one connection
   */
  SharedChannel(Supplier<ManagedChannel> opener) {
    this.opener = opener;
  }

  /**
   * What one workload has of it.
   *
   * @param executor runs the callbacks of its calls
   */
  View view(String workload, Executor executor) {
    return new View(workload, executor);
  }

  /** The connection for a call; null when there are too many calls, or it is closed. */
  private synchronized @Nullable Connection take() {
    if (closed) {
      return null;
    }
    for (Connection connection : connections) {
      if (connection.calls < CALLS_PER_CONNECTION) {
        connection.calls++;
        return connection;
      }
    }
    if (connections.size() >= MOST_CONNECTIONS) {
      return null;
    }
    Connection opened = new Connection(opener.get());
    opened.calls = 1;
    connections.add(opened);
    return opened;
  }

  private synchronized void give(Connection connection) {
    connection.calls--;
    // The first one stays: the next call comes soon.
    if (connection.calls == 0 && connection != connections.getFirst()) {
      connections.remove(connection);
      connection.channel.shutdown();
    }
  }

  /** Connections that are open or being opened; for tests. */
  synchronized int connections() {
    return connections.size();
  }

  @Override
  public synchronized void close() {
    closed = true;
    connections.forEach(connection -> connection.channel.shutdownNow());
  }

  /** The channel of one workload. Closing it ends its calls, and no others. */
  final class View extends Channel implements AutoCloseable {
    private final String workload;
    private final Executor executor;
    private final AtomicInteger calls = new AtomicInteger();
    private final Set<Counted<?, ?>> open = ConcurrentHashMap.newKeySet();
    private volatile boolean ended;

    View(String workload, Executor executor) {
      this.workload = workload;
      this.executor = executor;
    }

    @Override
    public <Q, A> ClientCall<Q, A> newCall(MethodDescriptor<Q, A> method, CallOptions options) {
      if (ended) {
        return refused(workload + " has no proxy any more", Status.UNAVAILABLE);
      }
      if (calls.incrementAndGet() > CALLS_PER_WORKLOAD) {
        calls.decrementAndGet();
        return refused(
            workload
                + " has "
                + CALLS_PER_WORKLOAD
                + " calls to the control plane open: expected fewer",
            Status.RESOURCE_EXHAUSTED);
      }
      Connection connection = take();
      if (connection == null) {
        calls.decrementAndGet();
        return refused(
            "this node has too many calls to the control plane open: expected fewer",
            Status.RESOURCE_EXHAUSTED);
      }
      Counted<Q, A> call =
          new Counted<>(
              connection.channel.newCall(method, options.withExecutor(executor)), connection, this);
      open.add(call);
      if (ended) {
        call.cancel("the proxy has ended", null);
      }
      return call;
    }

    @Override
    public void close() {
      ended = true;
      open.forEach(call -> call.cancel("the proxy has ended", null));
    }

    @Override
    public String authority() {
      return workload;
    }

    private <Q, A> ClientCall<Q, A> refused(String why, Status status) {
      return new RefusedCall<>(status.withDescription(why), executor);
    }
  }

  /**
   * A call that gives its room back when it is over, also when it is never begun. It may be
   * cancelled before it is begun: then it is over as soon as that is tried.
   */
  private final class Counted<Q, A> extends SimpleForwardingClientCall<Q, A> {
    private final Connection connection;
    private final View view;
    private final AtomicBoolean over = new AtomicBoolean();
    private boolean started;
    private volatile boolean dropped;

    Counted(ClientCall<Q, A> call, Connection connection, View view) {
      super(call);
      this.connection = connection;
      this.view = view;
    }

    private void over() {
      if (over.compareAndSet(false, true)) {
        view.calls.decrementAndGet();
        view.open.remove(this);
        give(connection);
      }
    }

    @Override
    public synchronized void start(Listener<A> listener, Metadata headers) {
      if (dropped) {
        view.executor.execute(() -> listener.onClose(Status.CANCELLED, new Metadata()));
        return;
      }
      started = true;
      super.start(
          new SimpleForwardingClientCallListener<>(listener) {
            @Override
            public void onClose(Status status, Metadata trailers) {
              over();
              super.onClose(status, trailers);
            }
          },
          headers);
    }

    @Override
    public synchronized void cancel(@Nullable String message, @Nullable Throwable cause) {
      if (started) {
        super.cancel(message, cause);
      } else {
        dropped = true;
        over();
      }
    }

    @Override
    public void request(int messages) {
      if (!dropped) {
        super.request(messages);
      }
    }

    @Override
    public void sendMessage(Q message) {
      if (!dropped) {
        super.sendMessage(message);
      }
    }

    @Override
    public void halfClose() {
      if (!dropped) {
        super.halfClose();
      }
    }
  }

  /** A call that fails as soon as it is begun. */
  private static final class RefusedCall<Q, A> extends ClientCall<Q, A> {
    private final Status status;
    private final Executor executor;

    RefusedCall(Status status, Executor executor) {
      this.status = status;
      this.executor = executor;
    }

    @Override
    public void start(Listener<A> listener, Metadata headers) {
      executor.execute(() -> listener.onClose(status, new Metadata()));
    }

    @Override
    public void request(int messages) {}

    @Override
    public void cancel(@Nullable String message, @Nullable Throwable cause) {}

    @Override
    public void halfClose() {}

    @Override
    public void sendMessage(Q message) {}
  }
}

package io.signetmesh.proxy.http;

import io.netty.channel.Channel;
import io.netty.channel.ConnectTimeoutException;
import io.netty.util.concurrent.Future;
import io.signetmesh.proxy.connect.Connector.Session;
import io.signetmesh.proxy.loop.Http2KeepAlive;
import io.signetmesh.proxy.loop.ProxyLoop;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Connections of one loop to one peer: HTTP/1 connections, last used first, and HTTP/2 connections
 * that many exchanges share. Confined to its loop.
 */
final class UpstreamPool implements Http1ClientConnection.Pool, Http2ClientConnection.Owner {
  /**
   * How long a connection stays unused after a response that has no body by its status, so that one
   * that is sent all the same is noticed before the next request.
   */
  private static final long SETTLE_NANOS = Duration.ofMillis(20).toNanos();

  private final ProxyLoop loop;
  private final HttpConfig config;
  private final Dialer dialer;
  private final Http2KeepAlive keepAlive;
  private final Consumer<UpstreamPool> onEmpty;
  private final ArrayDeque<Http1ClientConnection> idle = new ArrayDeque<>();
  private final ArrayDeque<Http1ClientConnection> settling = new ArrayDeque<>();
  private final Shared shared = new Shared();

  /** For clients that have much reset: the peer may end the connection over it. */
  private final Shared apart = new Shared();

  private int http1Open;
  private int retirements;
  private int dialing;
  private boolean sweeping;

  /** Opens connections to the pool's peer. */
  @FunctionalInterface
  interface Dialer {
    Future<Channel> dial(Session session);
  }

  /**
   * @param keepAlive of HTTP/2 connections
   * @param onEmpty called when the pool has neither connections nor exchanges: it may be forgotten
   */
  UpstreamPool(
      ProxyLoop loop,
      HttpConfig config,
      Dialer dialer,
      Http2KeepAlive keepAlive,
      Consumer<UpstreamPool> onEmpty) {
    this.loop = loop;
    this.config = config;
    this.dialer = dialer;
    this.keepAlive = keepAlive;
    this.onEmpty = onEmpty;
  }

  /** Sends an exchange over an HTTP/1 connection of its own for the time being. */
  void sendHttp1(Exchange exchange) {
    Http1ClientConnection connection;
    settle();
    // Where one idle connection has just turned out to be dead, the others may be as well.
    while (!exchange.retried() && (connection = idle.pollFirst()) != null) {
      if (connection.isUsable()) {
        connection.start(exchange);
        return;
      }
    }
    dialing++;
    int dialedAfter = retirements;
    dialer
        .dial(Session.HTTP1)
        .addListener(
            (Future<Channel> dialed) -> {
              dialing--;
              if (!dialed.isSuccess() || !dialed.getNow().isActive()) {
                exchange.dialFailed(failure(dialed.cause()));
                checkEmpty();
                return;
              }
              http1Open++;
              Http1ClientConnection opened =
                  new Http1ClientConnection(loop, dialed.getNow(), this, config, dialedAfter);
              if (exchange.done() || !exchange.mayBeSent()) {
                opened.rest();
              } else {
                opened.start(exchange);
              }
            });
  }

  /** Sends an exchange over a shared HTTP/2 connection. */
  void sendHttp2(Exchange exchange) {
    (exchange.account().isApart() ? apart : shared).send(exchange);
  }

  /** Starts no more exchanges on the connections that there are, e.g. after a new leaf. */
  void retireConnections() {
    retirements++;
    shared.retire();
    apart.retire();
    closeAll(idle);
    closeAll(settling);
  }

  private static void closeAll(ArrayDeque<Http1ClientConnection> connections) {
    Http1ClientConnection connection;
    while ((connection = connections.pollFirst()) != null) {
      connection.close();
    }
  }

  /** Makes those connections available that have been quiet for long enough. */
  private void settle() {
    long limit = now() - SETTLE_NANOS;
    Http1ClientConnection oldest;
    while ((oldest = settling.peekLast()) != null && oldest.idleSinceNanos() - limit <= 0) {
      settling.pollLast();
      idle.addFirst(oldest);
    }
  }

  private long now() {
    return loop.eventLoop().ticker().nanoTime();
  }

  static Failure failure(@Nullable Throwable cause) {
    return cause instanceof ConnectTimeoutException ? Failure.CONNECT_TIMEOUT : Failure.UNAVAILABLE;
  }

  @Override
  public void idle(Http1ClientConnection connection) {
    if (!connection.isUsable()) {
      return;
    }
    if (connection.dialedAfter() != retirements) {
      connection.close();
      return;
    }
    (connection.mayBringSurplus() ? settling : idle).addFirst(connection);
    if (!sweeping) {
      sweeping = true;
      scheduleSweep();
    }
  }

  private void scheduleSweep() {
    Duration timeout = config.poolIdleTimeout();
    loop.eventLoop().schedule(this::sweep, timeout.toMillis(), TimeUnit.MILLISECONDS);
  }

  private void sweep() {
    settle();
    long limit = now() - config.poolIdleTimeout().toNanos();
    Http1ClientConnection oldest;
    while ((oldest = idle.peekLast()) != null && oldest.idleSinceNanos() - limit <= 0) {
      idle.pollLast();
      oldest.close();
    }
    if (idle.isEmpty() && settling.isEmpty()) {
      sweeping = false;
    } else {
      scheduleSweep();
    }
  }

  @Override
  public void closed(Http1ClientConnection connection) {
    http1Open--;
    if (!idle.remove(connection)) {
      settling.remove(connection);
    }
    checkEmpty();
  }

  @Override
  public void left(Http1ClientConnection connection) {
    http1Open--;
    checkEmpty();
  }

  @Override
  public void streamClosed(Http2ClientConnection connection) {
    shared.streamClosed(connection);
    apart.streamClosed(connection);
  }

  @Override
  public void retired(Http2ClientConnection connection) {
    shared.retired(connection);
    apart.retired(connection);
    checkEmpty();
  }

  private void checkEmpty() {
    if (http1Open == 0 && dialing == 0 && shared.isEmpty() && apart.isEmpty()) {
      onEmpty.accept(this);
    }
  }

  /** HTTP/2 connections that the exchanges of several clients share. */
  private final class Shared {
    private final List<Http2ClientConnection> connections = new ArrayList<>(2);
    private final FairQueue waiting = new FairQueue();
    private boolean dialing;

    void send(Exchange exchange) {
      for (int i = 0; i < connections.size(); i++) {
        Http2ClientConnection connection = connections.get(i);
        if (connection.hasRoomFor(exchange)) {
          connection.start(exchange);
          return;
        }
      }
      waiting.add(exchange);
      dial();
    }

    private void dial() {
      if (dialing) {
        return;
      }
      dialing = true;
      dialer
          .dial(Session.HTTP2)
          .addListener(
              (Future<Channel> dialed) -> {
                dialing = false;
                if (!dialed.isSuccess() || !dialed.getNow().isActive()) {
                  // All that wait fail alike; each decides on its own whether to try again.
                  Failure failure = failure(dialed.cause());
                  for (Exchange exchange : waiting.clear()) {
                    exchange.dialFailed(failure);
                  }
                  checkEmpty();
                  return;
                }
                Http2ClientConnection opened =
                    Http2ClientConnection.install(
                        loop, config, keepAlive, UpstreamPool.this, dialed.getNow());
                connections.add(opened);
                serve(opened);
                if (!waiting.isEmpty()) {
                  dial();
                }
              });
    }

    private void serve(Http2ClientConnection connection) {
      Exchange exchange;
      while (connection.hasRoom() && (exchange = waiting.poll()) != null) {
        if (exchange.mayBeSent()) {
          connection.start(exchange);
        }
      }
    }

    void streamClosed(Http2ClientConnection connection) {
      // A request with a body would wait behind those that the peer does not take.
      if (!waiting.isEmpty() && !connection.isStuck() && connections.contains(connection)) {
        serve(connection);
      }
    }

    void retired(Http2ClientConnection connection) {
      if (connections.remove(connection) && !waiting.isEmpty()) {
        dial();
      }
    }

    void retire() {
      for (Http2ClientConnection connection : List.copyOf(connections)) {
        connection.retire();
      }
    }

    boolean isEmpty() {
      return !dialing && connections.isEmpty() && waiting.isEmpty();
    }
  }
}

package io.signetmesh.proxy.http;

import io.netty.channel.Channel;
import io.netty.channel.ConnectTimeoutException;
import io.netty.util.concurrent.Future;
import io.signetmesh.proxy.connect.Connector.Session;
import io.signetmesh.proxy.http.exchange.Exchange;
import io.signetmesh.proxy.http.exchange.Exchange.Retry;
import io.signetmesh.proxy.http.exchange.Failure;
import io.signetmesh.proxy.http.exchange.HttpConfig;
import io.signetmesh.proxy.http.h1.Http1ClientConnection;
import io.signetmesh.proxy.http.h2.Http2ClientConnection;
import io.signetmesh.proxy.loop.Http2KeepAlive;
import io.signetmesh.proxy.loop.ProxyLoop;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Connections of one loop to one peer: HTTP/1 connections, last used first, and HTTP/2 connections
 * that many exchanges share. Confined to its loop.
 */
final class UpstreamPool implements Http1ClientConnection.Pool, Http2ClientConnection.Owner {
  private static final Logger log = LoggerFactory.getLogger(UpstreamPool.class);

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
        start(connection, exchange);
        return;
      }
    }
    int dialedAfter = retirements;
    Future<Channel> dial = dialer.dial(Session.HTTP1);
    dialing++;
    dial.addListener(
        (Future<Channel> dialed) -> {
          dialing--;
          if (!dialed.isSuccess() || !dialed.getNow().isActive()) {
            exchange.dialFailed(failure(dialed.cause()));
            checkEmpty();
            return;
          }
          Http1ClientConnection opened;
          try {
            opened = new Http1ClientConnection(loop, dialed.getNow(), this, config, dialedAfter);
          } catch (RuntimeException | Error e) {
            dialed.getNow().close();
            failed(exchange, e);
            checkEmpty();
            return;
          }
          http1Open++;
          if (mayBeSent(exchange)) {
            start(opened, exchange);
          } else {
            opened.rest();
          }
        });
  }

  /** A connection on which a request failed to begin has perhaps sent a part of it. */
  private void start(Http1ClientConnection connection, Exchange exchange) {
    try {
      connection.start(exchange);
    } catch (RuntimeException | Error e) {
      connection.abandon();
      failed(exchange, e);
    }
  }

  private static void start(Http2ClientConnection connection, Exchange exchange) {
    try {
      connection.start(exchange);
    } catch (RuntimeException | Error e) {
      // Whether the fields of the head are in the peer's table is not known (RFC 7541 2.3.2): no
      // other head follows. What others have under way goes on.
      connection.retire();
      failed(exchange, e);
    }
  }

  /** An exchange that has waited is looked at again; what fails in that is the exchange's. */
  private static boolean mayBeSent(Exchange exchange) {
    try {
      return !exchange.done() && exchange.mayBeSent();
    } catch (RuntimeException | Error e) {
      failed(exchange, e);
      return false;
    }
  }

  /** Ends an exchange over what went wrong with it in this proxy, which nobody else hears of. */
  private static void failed(Exchange exchange, Throwable cause) {
    log.error("a request could not be sent", cause);
    exchange.upstreamFailed(Failure.UNAVAILABLE, Retry.NEVER);
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
          UpstreamPool.start(connection, exchange);
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
      Future<Channel> dial = dialer.dial(Session.HTTP2);
      dialing = true;
      dial.addListener(
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
            Http2ClientConnection opened;
            try {
              opened =
                  Http2ClientConnection.install(
                      loop, config, keepAlive, UpstreamPool.this, dialed.getNow());
            } catch (RuntimeException | Error e) {
              dialed.getNow().close();
              for (Exchange exchange : waiting.clear()) {
                failed(exchange, e);
              }
              checkEmpty();
              return;
            }
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
        if (UpstreamPool.mayBeSent(exchange)) {
          UpstreamPool.start(connection, exchange);
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

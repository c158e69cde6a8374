package io.signetmesh.proxy.outbound;

import io.netty.channel.Channel;
import io.netty.util.concurrent.Future;
import io.signetmesh.proxy.connect.Connector;
import io.signetmesh.proxy.connect.CountedConnection;
import io.signetmesh.proxy.connect.Endings;
import io.signetmesh.proxy.connect.HeldReads;
import io.signetmesh.proxy.detect.HttpVersion;
import io.signetmesh.proxy.loop.ProxyLoop;
import io.signetmesh.proxy.metrics.HttpDetection;
import io.signetmesh.proxy.metrics.ProxyError;
import io.signetmesh.proxy.upstream.Upstream;
import java.net.InetSocketAddress;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The life of one connection of the application: the one door between its {@link OutboundState}s.
 * States tell it what they found; it looks at the destination in force and chooses the next one.
 *
 * <p>Each state that waited is left by a look at the destination in force ({@link #proceed}): what
 * is held is still held then, so that the connection is treated as if it had just come. An endpoint
 * that was picked or connected to meanwhile is used only if the destination still leads there.
 *
 * <p>Confined to the connection's loop.
 */
final class OutboundLife {
  private static final Logger log = LoggerFactory.getLogger(OutboundLife.class);

  private final Channel channel;
  private final ProxyLoop loop;
  private final OutboundAccept.Services services;
  private final HeldReads held;
  private final Runnable accepted;
  private final @Nullable String authority;
  private final InetSocketAddress target;
  private OutboundState state = new OutboundState.Accepted();
  private @Nullable HttpDetection found;

  /**
   * @param held holds what the application sends until the state that it is for is entered
   * @param accepted runs when the handlers of the protocol are in place
   * @param authority declared upstream, {@code name:port}; null: the target tells
   * @param target where the application connected to
   */
  OutboundLife(
      Channel channel,
      ProxyLoop loop,
      OutboundAccept.Services services,
      HeldReads held,
      Runnable accepted,
      @Nullable String authority,
      InetSocketAddress target) {
    this.channel = channel;
    this.loop = loop;
    this.services = services;
    this.held = held;
    this.accepted = accepted;
    this.authority = authority;
    this.target = target;
    channel.closeFuture().addListener(closed -> gone());
  }

  /**
   * The application has closed the connection, or it was cut. Bytes that came before are still for
   * the destination; without any, nobody waits for one to be found.
   */
  private void gone() {
    boolean waits = state instanceof Resolving || state instanceof Sniffing;
    if (state instanceof ServingHttp || (waits && isForNobody())) {
      to(new OutboundState.Closed());
    }
  }

  /** Whether the application is gone and has left nothing to be sent. */
  private boolean isForNobody() {
    return !channel.isActive() && held.size() == 0;
  }

  /** Begins. */
  void start() {
    resolve(ChosenEndpoint.NONE);
  }

  /** Closes a connection that has no destination. */
  void refuse() {
    failed(ProxyError.GATEWAY_LOOP);
    close();
  }

  // ---- the door

  private void to(OutboundState next) {
    if (state instanceof OutboundState.Closed) {
      next.leave();
      return;
    }
    state.leave();
    state = next;
    next.enter();
  }

  private void resolve(ChosenEndpoint chosen) {
    String name = authority;
    Future<Upstream> answer =
        name == null
            ? services.upstreams().forAddress(target, loop.eventLoop())
            : services.upstreams().forAuthority(name, loop.eventLoop());
    if (!answer.isSuccess() && isForNobody()) {
      chosen.giveBack();
      to(new OutboundState.Closed());
      return;
    }
    to(new Resolving(answer, chosen, this::proceed, this::unresolved));
  }

  private void unresolved(Throwable cause) {
    log.debug(
        "no destination for {}: {}", authority == null ? target : authority, cause.toString());
    cut(ProxyError.UNEXPECTED);
  }

  /**
   * Goes on as the destination in force has it.
   *
   * @param chosen what the connection has got so far
   */
  private void proceed(ChosenEndpoint chosen, Upstream now) {
    Treatment treatment = Treatment.of(now, found);
    if (treatment == Treatment.RELAY && chosen.isOf(now)) {
      switch (chosen) {
        case ChosenEndpoint.Connected connected -> relay(connected);
        case ChosenEndpoint.Picked picked -> dial(now, picked.lease());
        case ChosenEndpoint.None none -> pick(now);
      }
      return;
    }
    chosen.giveBack();
    switch (treatment) {
      case FORBID -> close();
      case SNIFF -> to(new Sniffing(held, services.detectTimeout(), this::sniffed));
      case RELAY -> pick(now);
      case HTTP1 -> serve(now, HttpVersion.HTTP1);
      case HTTP2 -> serve(now, HttpVersion.HTTP2);
    }
  }

  private void close() {
    to(new OutboundState.Closed());
    channel.close();
  }

  /** Ends what was begun, so that nobody takes it for an end. */
  private void cut(ProxyError error) {
    failed(error);
    to(new OutboundState.Closed());
    Endings.reset(channel);
  }

  // ---- what states found

  private void sniffed(HttpDetection result) {
    found = result;
    resolve(ChosenEndpoint.NONE);
  }

  private void pick(Upstream destination) {
    Upstream.Lease lease = destination.pick();
    if (lease != null) {
      dial(destination, lease);
      return;
    }
    to(
        new AwaitingEndpoint(
            destination.awaitPick(loop.eventLoop()),
            this::resolve,
            () -> cut(ProxyError.FAILFAST)));
  }

  private void dial(Upstream destination, Upstream.Lease lease) {
    to(
        new Dialling(
            destination,
            lease,
            endpoint -> services.connector().connect(loop, endpoint, Connector.Session.OPAQUE),
            this::resolve,
            () -> cut(ProxyError.IO)));
  }

  private void relay(ChosenEndpoint.Connected chosen) {
    count();
    to(new Relaying(loop, channel, chosen, this::handOver, () -> to(new OutboundState.Closed())));
  }

  private void serve(Upstream destination, HttpVersion version) {
    if (!channel.isActive()) {
      // Nobody waits for an answer.
      to(new OutboundState.Closed());
      return;
    }
    count();
    to(new ServingHttp(loop, channel, services.http(), destination, version, this::handOver));
  }

  // ---- parts

  /** Counts the connection from here on. */
  private void count() {
    CountedConnection.add(channel, services.metrics().outboundAccepted(target));
  }

  /** The handlers of the protocol are in place: what was held is theirs. */
  private void handOver() {
    accepted.run();
    held.release();
  }

  private void failed(ProxyError error) {
    services.metrics().outboundTcpFailed(target, error);
  }
}

package io.signetmesh.proxy.forward;

import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.util.concurrent.Future;
import io.signetmesh.proxy.connect.Connector;
import io.signetmesh.proxy.connect.CountedConnection;
import io.signetmesh.proxy.connect.Endings;
import io.signetmesh.proxy.connect.HeldReads;
import io.signetmesh.proxy.http.HttpOutbound;
import io.signetmesh.proxy.http.HttpVersion;
import io.signetmesh.proxy.inbound.OriginalDestination;
import io.signetmesh.proxy.loop.ProxyLoop;
import io.signetmesh.proxy.memory.ConnectionMemory;
import io.signetmesh.proxy.metrics.HttpDetection;
import io.signetmesh.proxy.metrics.ProxyError;
import io.signetmesh.proxy.metrics.ProxyMetrics;
import io.signetmesh.proxy.outbound.Endpoint;
import io.signetmesh.proxy.outbound.Upstream;
import io.signetmesh.proxy.outbound.Upstreams;
import java.net.InetSocketAddress;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * First handler of a connection that the local application opened: finds the destination, then the
 * protocol, then hands the connection over.
 */
public final class OutboundAccept extends ChannelInboundHandlerAdapter {
  private static final Logger log = LoggerFactory.getLogger(OutboundAccept.class);

  /** As whom the workload's own application holds memory. */
  private static final String APPLICATION = "the workload's application";

  /** Endpoints that are tried for one connection. */
  private static final int MAX_ATTEMPTS = 3;

  private final ProxyLoop loop;
  private final @Nullable String authority;
  private final Services services;
  private final HeldReads held = new HeldReads();
  private @Nullable InetSocketAddress original;

  /**
   * What outbound connections need.
   *
   * @param upstreams destinations
   * @param connector dials endpoints
   * @param http takes HTTP connections
   * @param detectTimeout limit for protocol detection
   * @param metrics connection metrics
   */
  public record Services(
      Upstreams upstreams,
      Connector connector,
      HttpOutbound http,
      Duration detectTimeout,
      ProxyMetrics metrics) {}

  /**
   * @param authority declared upstream, {@code name:port}; null: the original destination tells
   */
  public OutboundAccept(ProxyLoop loop, @Nullable String authority, Services services) {
    this.loop = loop;
    this.authority = authority;
    this.services = services;
  }

  @Override
  public void channelActive(ChannelHandlerContext ctx) {
    Channel channel = ctx.channel();
    channel.pipeline().addLast("held", held);
    ConnectionMemory account = ConnectionMemory.of(channel);
    if (account != null) {
      account.identified(APPLICATION);
    }
    Future<Upstream> resolving;
    if (authority != null) {
      resolving = services.upstreams().forAuthority(authority, loop.eventLoop());
    } else {
      InetSocketAddress destination = OriginalDestination.of(channel);
      if (destination == null || destination.equals(channel.localAddress())) {
        // Nothing was redirected: the only destination left is this listener itself.
        log.debug("connection from {} has no original destination", channel.remoteAddress());
        failed(channel, ProxyError.GATEWAY_LOOP);
        channel.close();
        return;
      }
      original = destination;
      resolving = services.upstreams().forAddress(destination, loop.eventLoop());
    }
    resolving.addListener(
        (Future<Upstream> resolved) -> {
          if (!channel.isActive() && held.size() == 0) {
            return;
          }
          if (!resolved.isSuccess()) {
            log.debug("no destination for {}: {}", authority, resolved.cause().toString());
            failed(channel, ProxyError.UNEXPECTED);
            Endings.reset(channel);
            return;
          }
          resolved(channel, resolved.getNow());
        });
  }

  private void resolved(Channel channel, Upstream upstream) {
    switch (upstream.protocol()) {
      case FORBIDDEN -> channel.close();
      case OPAQUE -> relay(channel, upstream);
      case HTTP1 -> http(channel, upstream, HttpVersion.HTTP1);
      case HTTP2 -> http(channel, upstream, HttpVersion.HTTP2);
      case DETECT -> detect(channel, upstream);
    }
  }

  /**
   * What takes bytes only is not read as HTTP, and what the server says first is not waited for.
   */
  private void detect(Channel channel, Upstream upstream) {
    if (upstream.takesBytesOnly()) {
      relay(channel, upstream);
      return;
    }
    held.inspect(
        services.detectTimeout(),
        HttpSniffer::inspect,
        found -> detected(channel, upstream, found),
        () -> detected(channel, upstream, HttpDetection.READ_TIMEOUT));
  }

  private void detected(Channel channel, Upstream upstream, HttpDetection found) {
    if (upstream.protocol() != Upstream.Protocol.DETECT || upstream.takesBytesOnly()) {
      // Policy or endpoints have changed meanwhile.
      resolved(channel, upstream);
      return;
    }
    switch (found) {
      case HTTP1 -> http(channel, upstream, HttpVersion.HTTP1);
      case HTTP2 -> http(channel, upstream, HttpVersion.HTTP2);
      default -> relay(channel, upstream);
    }
  }

  private void http(Channel channel, Upstream upstream, HttpVersion version) {
    if (!channel.isActive()) {
      // Nobody waits for an answer.
      return;
    }
    count(channel);
    services.http().serve(loop, channel, upstream, version);
    handOver(channel);
    channel.config().setAutoRead(true);
    loop.flushDirty();
  }

  private void relay(Channel channel, Upstream upstream) {
    Upstream.Lease lease = upstream.pick();
    if (lease != null) {
      dial(channel, upstream, lease, 1);
      return;
    }
    upstream
        .awaitPick(loop.eventLoop())
        .addListener(
            (Future<Upstream.Lease> picked) -> {
              if (picked.isSuccess()) {
                dial(channel, upstream, picked.getNow(), 1);
              } else {
                failed(channel, ProxyError.FAILFAST);
                Endings.reset(channel);
              }
            });
  }

  /**
   * @param attempt from 1: nothing has been sent before an endpoint is connected to, so that
   *     another one is as good
   */
  private void dial(Channel channel, Upstream upstream, Upstream.Lease lease, int attempt) {
    Endpoint endpoint = lease.endpoint();
    long started = System.nanoTime();
    services
        .connector()
        .connect(loop, endpoint, Connector.Session.OPAQUE)
        .addListener(
            (Future<Channel> dialed) -> {
              if (!dialed.isSuccess()) {
                lease.failed();
                lease.release();
                log.debug("connection to {}: {}", endpoint, dialed.cause().toString());
                Upstream.Lease other = attempt < MAX_ATTEMPTS ? upstream.pick() : null;
                if (other != null) {
                  dial(channel, upstream, other, attempt + 1);
                  return;
                }
                failed(channel, ProxyError.IO);
                Endings.reset(channel);
                return;
              }
              lease.connected(System.nanoTime() - started);
              count(channel);
              TcpRelay.joinBalanced(loop, channel, dialed.getNow(), new Use(lease));
              handOver(channel);
              loop.flushDirty();
            });
  }

  /**
   * Tells the balancer how a connection went: a proxy takes it also where its application fails.
   */
  private record Use(Upstream.Lease lease) implements TcpRelay.Fate {
    @Override
    public void answered() {
      lease.answered();
    }

    @Override
    public void closed(boolean serverFailed) {
      if (serverFailed) {
        lease.answeredBadly(0);
      }
      lease.release();
    }
  }

  /** The handlers of the protocol are in place: what was held is theirs. */
  private void handOver(Channel channel) {
    if (channel.pipeline().context(this) != null) {
      channel.pipeline().remove(this);
    }
    held.release();
  }

  private void count(Channel channel) {
    channel
        .pipeline()
        .addLast(
            "count", new CountedConnection(services.metrics().outboundAccepted(wanted(channel))));
  }

  private void failed(Channel channel, ProxyError error) {
    services.metrics().outboundTcpFailed(wanted(channel), error);
  }

  /** Where the application connected to. */
  private InetSocketAddress wanted(Channel channel) {
    InetSocketAddress redirected = original;
    return redirected == null ? (InetSocketAddress) channel.localAddress() : redirected;
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
    ctx.close();
  }
}

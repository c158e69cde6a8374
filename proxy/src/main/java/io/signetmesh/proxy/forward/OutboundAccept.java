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
import java.util.function.Consumer;
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
  private @Nullable HttpDetection found;

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
    if (authority == null) {
      InetSocketAddress destination = OriginalDestination.of(channel);
      if (destination == null || destination.equals(channel.localAddress())) {
        // Nothing was redirected: the only destination left is this listener itself.
        log.debug("connection from {} has no original destination", channel.remoteAddress());
        failed(channel, ProxyError.GATEWAY_LOOP);
        channel.close();
        return;
      }
      original = destination;
    }
    resolve(channel, upstream -> resolved(channel, upstream), () -> {});
  }

  /**
   * Finds out what the destination is now. Each wait ends with this, before a byte moves: a watch
   * that nobody used for a while may have ended meanwhile, and what it knew last is not in force.
   *
   * @param then gets the destination
   * @param otherwise runs when there is none: the connection is cut
   */
  private void resolve(Channel channel, Consumer<Upstream> then, Runnable otherwise) {
    String name = authority;
    InetSocketAddress address = original;
    Future<Upstream> resolving =
        name != null || address == null
            ? services.upstreams().forAuthority(name == null ? "" : name, loop.eventLoop())
            : services.upstreams().forAddress(address, loop.eventLoop());
    if (resolving.isSuccess()) {
      then.accept(resolving.getNow());
      return;
    }
    resolving.addListener(
        (Future<Upstream> resolved) -> {
          if (!channel.isActive() && held.size() == 0) {
            otherwise.run();
          } else if (resolved.isSuccess()) {
            then.accept(resolved.getNow());
          } else {
            log.debug("no destination for {}: {}", authority, resolved.cause().toString());
            otherwise.run();
            failed(channel, ProxyError.UNEXPECTED);
            Endings.reset(channel);
          }
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
    HttpDetection known = found;
    if (upstream.takesBytesOnly()) {
      relay(channel, upstream);
    } else if (known == null) {
      held.inspect(
          services.detectTimeout(),
          HttpSniffer::inspect,
          result -> detected(channel, result),
          () -> detected(channel, HttpDetection.READ_TIMEOUT));
    } else {
      switch (known) {
        case HTTP1 -> http(channel, upstream, HttpVersion.HTTP1);
        case HTTP2 -> http(channel, upstream, HttpVersion.HTTP2);
        default -> relay(channel, upstream);
      }
    }
  }

  private void detected(Channel channel, HttpDetection result) {
    found = result;
    resolve(channel, upstream -> resolved(channel, upstream), () -> {});
  }

  /** Whether the destination, as it is now, gets the bytes of this connection as they are. */
  private boolean isRelayed(Upstream upstream) {
    return switch (upstream.protocol()) {
      case OPAQUE -> true;
      case DETECT ->
          upstream.takesBytesOnly()
              || (found != null && found != HttpDetection.HTTP1 && found != HttpDetection.HTTP2);
      case FORBIDDEN, HTTP1, HTTP2 -> false;
    };
  }

  private void http(Channel channel, Upstream upstream, HttpVersion version) {
    if (!channel.isActive()) {
      // Nobody waits for an answer.
      return;
    }
    count(channel);
    services.http().serve(loop, channel, upstream, version);
    // First: what the bytes held bring may make HTTP stop reading.
    channel.config().setAutoRead(true);
    handOver(channel);
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
                Upstream.Lease waited = picked.getNow();
                resolve(
                    channel,
                    now -> {
                      if (isRelayed(now) && now.leadsTo(waited.endpoint())) {
                        dial(channel, now, waited, 1);
                      } else {
                        waited.release();
                        resolved(channel, now);
                      }
                    },
                    waited::release);
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
              Channel peer = dialed.getNow();
              Runnable unused =
                  () -> {
                    lease.release();
                    Endings.reset(peer);
                  };
              resolve(
                  channel,
                  now -> {
                    if (isRelayed(now) && now.leadsTo(endpoint)) {
                      join(channel, peer, lease);
                    } else {
                      unused.run();
                      resolved(channel, now);
                    }
                  },
                  unused);
            });
  }

  private void join(Channel channel, Channel peer, Upstream.Lease lease) {
    count(channel);
    TcpRelay.joinBalanced(loop, channel, peer, new Use(lease));
    handOver(channel);
    loop.flushDirty();
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

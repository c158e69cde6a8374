package io.signetmesh.proxy.outbound;

import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.signetmesh.proxy.connect.Connector;
import io.signetmesh.proxy.connect.HeldReads;
import io.signetmesh.proxy.detect.OriginalDestination;
import io.signetmesh.proxy.loop.ProxyLoop;
import io.signetmesh.proxy.memory.ConnectionMemory;
import io.signetmesh.proxy.metrics.ProxyMetrics;
import io.signetmesh.proxy.upstream.Upstreams;
import java.net.InetSocketAddress;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * First handler of a connection that the local application opened. Finds its destination and starts
 * its {@link OutboundLife}.
 */
public final class OutboundAccept extends ChannelInboundHandlerAdapter {
  private static final Logger log = LoggerFactory.getLogger(OutboundAccept.class);

  /** As whom the workload's own application holds memory. */
  private static final String APPLICATION = "the workload's application";

  private final ProxyLoop loop;
  private final @Nullable String authority;
  private final Services services;

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
   * @param authority declared upstream, {@code name:port}; null: the original destination is the
   *     upstream
   */
  public OutboundAccept(ProxyLoop loop, @Nullable String authority, Services services) {
    this.loop = loop;
    this.authority = authority;
    this.services = services;
  }

  @Override
  public void channelActive(ChannelHandlerContext ctx) {
    Channel channel = ctx.channel();
    HeldReads held = new HeldReads();
    channel.pipeline().addLast("held", held);
    ConnectionMemory account = ConnectionMemory.of(channel);
    if (account != null) {
      account.identified(APPLICATION);
    }
    InetSocketAddress local = (InetSocketAddress) channel.localAddress();
    InetSocketAddress original = authority == null ? OriginalDestination.of(channel) : local;
    boolean redirected = original != null && !original.equals(local);
    OutboundLife life =
        new OutboundLife(
            channel,
            loop,
            services,
            held,
            () -> removeFrom(channel),
            authority,
            original == null ? local : original);
    if (authority == null && !redirected) {
      // Nothing was redirected: the only destination left is this listener itself.
      log.debug("connection from {} has no original destination", channel.remoteAddress());
      life.refuse();
    } else {
      life.start();
    }
  }

  private void removeFrom(Channel channel) {
    if (channel.pipeline().context(this) != null) {
      channel.pipeline().remove(this);
    }
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
    ctx.close();
  }
}

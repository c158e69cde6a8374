package io.signetmesh.proxy.outbound;

import io.netty.channel.Channel;
import io.signetmesh.proxy.detect.HttpVersion;
import io.signetmesh.proxy.loop.ProxyLoop;
import io.signetmesh.proxy.upstream.Upstream;

/**
 * Requests are balanced one by one. The HTTP path looks at the destination itself from here on,
 * before each request.
 */
final class ServingHttp implements OutboundState {
  private final ProxyLoop loop;
  private final Channel channel;
  private final HttpOutbound http;
  private final Upstream destination;
  private final HttpVersion version;
  private final Runnable handOver;

  /**
   * @param http puts the handlers of the protocol in place
   * @param handOver hands on what the application has sent already
   */
  ServingHttp(
      ProxyLoop loop,
      Channel channel,
      HttpOutbound http,
      Upstream destination,
      HttpVersion version,
      Runnable handOver) {
    this.loop = loop;
    this.channel = channel;
    this.http = http;
    this.destination = destination;
    this.version = version;
    this.handOver = handOver;
  }

  @Override
  public void enter() {
    http.serve(loop, channel, destination, version);
    // First: what the bytes held bring may make HTTP stop reading.
    channel.config().setAutoRead(true);
    handOver.run();
    loop.flushDirty();
  }
}

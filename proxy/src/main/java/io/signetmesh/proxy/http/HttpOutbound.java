package io.signetmesh.proxy.http;

import io.netty.channel.Channel;
import io.signetmesh.proxy.loop.ProxyLoop;
import io.signetmesh.proxy.outbound.Upstream;

/** Serves the local application's HTTP connections: balances each request over an upstream. */
public interface HttpOutbound {
  /** Takes a connection over, as {@link HttpInbound#serve} does. */
  void serve(ProxyLoop loop, Channel channel, Upstream upstream, HttpVersion version);
}

package io.signetmesh.proxy.outbound;

import io.netty.channel.Channel;
import io.signetmesh.proxy.detect.HttpVersion;
import io.signetmesh.proxy.loop.ProxyLoop;
import io.signetmesh.proxy.upstream.Upstream;

/** Serves the local application's HTTP connections: balances each request over an upstream. */
public interface HttpOutbound {
  /**
   * Takes a connection over: adds the HTTP handlers at the end of the pipeline. Bytes already read
   * for detection are fired through the pipeline by the caller afterwards; the caller turns
   * auto-read on. Call on the loop of the channel.
   */
  void serve(ProxyLoop loop, Channel channel, Upstream upstream, HttpVersion version);
}

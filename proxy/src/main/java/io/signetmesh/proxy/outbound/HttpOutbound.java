package io.signetmesh.proxy.outbound;

import io.netty.channel.Channel;
import io.signetmesh.proxy.detect.HttpVersion;
import io.signetmesh.proxy.loop.ProxyLoop;
import io.signetmesh.proxy.upstream.Upstream;

/**
 * Serves HTTP connections of the local application. Balances each request over the endpoints of an
 * upstream.
 */
public interface HttpOutbound {
  /**
   * Takes over a connection: adds the HTTP handlers at the end of its pipeline. Afterwards the
   * caller fires the bytes that detection has read through the pipeline, and turns auto-read on.
   * Call on the loop of the channel.
   */
  void serve(ProxyLoop loop, Channel channel, Upstream upstream, HttpVersion version);
}

package io.signetmesh.proxy.inbound;

import io.netty.channel.Channel;
import io.signetmesh.proxy.detect.HttpVersion;
import io.signetmesh.proxy.loop.ProxyLoop;

/** Serves inbound HTTP connections: authorizes each request and forwards it to the application. */
public interface HttpInbound {
  /**
   * Takes a connection over: adds the HTTP handlers at the end of the pipeline. Bytes already read
   * for detection are fired through the pipeline by the caller afterwards; the caller turns
   * auto-read on. Call on the loop of the channel.
   */
  void serve(ProxyLoop loop, Channel channel, InboundConnection connection, HttpVersion version);
}

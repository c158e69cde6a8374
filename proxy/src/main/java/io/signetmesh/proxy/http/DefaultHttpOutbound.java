package io.signetmesh.proxy.http;

import io.netty.channel.Channel;
import io.signetmesh.proxy.connect.Connector;
import io.signetmesh.proxy.detect.HttpVersion;
import io.signetmesh.proxy.http.exchange.HttpConfig;
import io.signetmesh.proxy.http.h1.Http1ServerConnection;
import io.signetmesh.proxy.http.h2.Http2ServerConnection;
import io.signetmesh.proxy.loop.ProxyLoop;
import io.signetmesh.proxy.metrics.ProxyMetrics;
import io.signetmesh.proxy.outbound.HttpOutbound;
import io.signetmesh.proxy.upstream.Upstream;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Outbound HTTP: every request of the local application goes to the endpoint that the balancer
 * picks, over connections that all requests of a loop share. HTTP/1 requests to meshed peers travel
 * as HTTP/2 streams with {@code l5d-orig-proto}.
 */
public final class DefaultHttpOutbound implements HttpOutbound {
  private final HttpConfig config;
  private final Connector connector;
  private final ProxyMetrics metrics;
  private final Map<ProxyLoop, OutboundLoop> loops = new ConcurrentHashMap<>();

  public DefaultHttpOutbound(HttpConfig config, Connector connector, ProxyMetrics metrics) {
    this.config = config;
    this.connector = connector;
    this.metrics = metrics;
  }

  @Override
  public void serve(ProxyLoop loop, Channel channel, Upstream upstream, HttpVersion version) {
    OutboundLoop state =
        loops.computeIfAbsent(loop, added -> new OutboundLoop(added, config, connector));
    OutboundRequests requests =
        new OutboundRequests(state, upstream, version, metrics.outboundHttp(upstream.authority()));
    if (version == HttpVersion.HTTP1) {
      new Http1ServerConnection(loop, config, requests).install(channel);
    } else {
      Http2ServerConnection.install(loop, config, requests, channel);
    }
  }

  /**
   * Makes later requests open new connections, because the leaf or the trust bundle has changed.
   * Requests in flight end on their old connections.
   */
  public void retireConnections() {
    loops.values().forEach(OutboundLoop::retireConnections);
  }
}

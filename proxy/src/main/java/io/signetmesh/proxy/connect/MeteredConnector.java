package io.signetmesh.proxy.connect;

import io.netty.channel.Channel;
import io.netty.util.concurrent.Future;
import io.signetmesh.proxy.loop.ProxyLoop;
import io.signetmesh.proxy.metrics.ProxyMetrics;
import io.signetmesh.proxy.upstream.Endpoint;
import java.net.InetSocketAddress;

/** Counts the connections that another connector opens, in {@code tcp_*} metrics. */
public final class MeteredConnector implements Connector {
  private final Connector connector;
  private final ProxyMetrics metrics;

  public MeteredConnector(Connector connector, ProxyMetrics metrics) {
    this.connector = connector;
    this.metrics = metrics;
  }

  // Added first, so it runs before the listeners of the caller.
  @Override
  public Future<Channel> connect(ProxyLoop loop, Endpoint endpoint, Session session) {
    return connector
        .connect(loop, endpoint, session)
        .addListener(
            (Future<Channel> dialed) -> {
              if (dialed.isSuccess()) {
                dialed
                    .getNow()
                    .pipeline()
                    .addLast("count", new CountedConnection(metrics.outboundConnected(endpoint)));
              }
            });
  }

  @Override
  public Future<Channel> connectLocal(ProxyLoop loop, InetSocketAddress application) {
    return connector
        .connectLocal(loop, application)
        .addListener(
            (Future<Channel> dialed) -> {
              if (dialed.isSuccess()) {
                dialed
                    .getNow()
                    .pipeline()
                    .addLast("count", new CountedConnection(metrics.inboundConnected(application)));
              }
            });
  }
}

package io.signetmesh.proxy.http;

import io.signetmesh.proxy.connect.Connector;
import io.signetmesh.proxy.http.exchange.HttpConfig;
import io.signetmesh.proxy.http.exchange.InFlight;
import io.signetmesh.proxy.loop.Http2KeepAlive;
import io.signetmesh.proxy.loop.ProxyLoop;
import io.signetmesh.proxy.upstream.Endpoint;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Outbound HTTP on one loop: the connections to endpoints and the requests in flight. Confined to
 * the loop, except for {@link #retireConnections}.
 */
final class OutboundLoop {
  final ProxyLoop loop;
  final HttpConfig config;
  private final Connector connector;
  private final Map<Endpoint, UpstreamPool> pools = new HashMap<>();
  final InFlight inFlight = new InFlight();

  OutboundLoop(ProxyLoop loop, HttpConfig config, Connector connector) {
    this.loop = loop;
    this.config = config;
    this.connector = connector;
  }

  UpstreamPool pool(Endpoint endpoint) {
    UpstreamPool pool = pools.get(endpoint);
    if (pool == null) {
      pool =
          new UpstreamPool(
              loop,
              config,
              session -> connector.connect(loop, endpoint, session(endpoint, session)),
              keepAlive(endpoint),
              empty -> pools.remove(endpoint, empty));
      pools.put(endpoint, pool);
    }
    return pool;
  }

  /**
   * Has later requests open new connections; requests in flight end where they are. From any
   * thread.
   */
  void retireConnections() {
    loop.eventLoop()
        .execute(
            () -> {
              for (UpstreamPool pool : List.copyOf(pools.values())) {
                pool.retireConnections();
              }
            });
  }

  /**
   * What the peer proxy is told of a connection: nothing where its port takes bytes only, or it
   * would read requests on a port that has none.
   */
  private static Connector.Session session(Endpoint endpoint, Connector.Session spoken) {
    return endpoint.hint() == Endpoint.Hint.OPAQUE ? Connector.Session.OPAQUE : spoken;
  }

  /**
   * Proxies of peers are asked for a sign of life. Applications are not: servers of gRPC end
   * connections over PINGs that they do not expect.
   */
  private Http2KeepAlive keepAlive(Endpoint endpoint) {
    if (endpoint.tls() == null || endpoint.hint() == Endpoint.Hint.OPAQUE) {
      return Http2KeepAlive.OFF;
    }
    Http2KeepAlive configured = config.peerKeepAlive();
    if (configured != null) {
      return configured;
    }
    Http2KeepAlive said = endpoint.keepAlive();
    return said == null ? Http2KeepAlive.DEFAULT : said;
  }
}

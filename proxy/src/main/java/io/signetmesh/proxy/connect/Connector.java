package io.signetmesh.proxy.connect;

import io.netty.channel.Channel;
import io.netty.util.concurrent.Future;
import io.signetmesh.proxy.loop.ProxyLoop;
import io.signetmesh.proxy.upstream.Endpoint;
import java.net.InetSocketAddress;

/** Opens connections on the event loop of the connection that they serve. */
public interface Connector {
  /**
   * Connects to an endpoint. The future completes on the loop once TCP and, for a meshed endpoint,
   * TLS are established, the peer's identity has been checked and the transport header is written.
   * The channel has auto-read off and nothing but transport handlers in its pipeline. Fails with
   * {@link java.net.ConnectException} (502), {@link io.netty.channel.ConnectTimeoutException}
   * (504), or {@link javax.net.ssl.SSLException} (502).
   */
  Future<Channel> connect(ProxyLoop loop, Endpoint endpoint, Session session);

  /** Connects to the local application; same contract, no TLS. */
  Future<Channel> connectLocal(ProxyLoop loop, InetSocketAddress application);

  /** What a connection to a peer's proxy carries, as its transport header states it. */
  enum Session {
    OPAQUE,
    HTTP1,
    HTTP2
  }
}

package io.signetmesh.proxy.connect;

import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ConnectTimeoutException;
import io.netty.handler.ssl.SslHandler;
import io.netty.util.concurrent.Future;
import io.netty.util.concurrent.Promise;
import io.netty.util.concurrent.ScheduledFuture;
import io.signetmesh.identity.pki.Credentials;
import io.signetmesh.identity.pki.DuplexTls;
import io.signetmesh.identity.pki.LiveSslContext;
import io.signetmesh.identity.pki.MeshSslContexts;
import io.signetmesh.identity.pki.VerifiedPeer;
import io.signetmesh.proxy.loop.Dial;
import io.signetmesh.proxy.loop.ProxyLoop;
import io.signetmesh.proxy.loop.ProxyLoops;
import io.signetmesh.proxy.loop.TcpKeepAlive;
import io.signetmesh.proxy.upstream.Endpoint;
import io.signetmesh.proxy.upstream.TlsTarget;
import java.net.ConnectException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;

/** Connects to peers with mutual TLS, and to the local application in plaintext. */
public final class PeerConnector implements Connector, AutoCloseable {
  private final ProxyLoops loops;
  private final LiveSslContext<Credentials> direct;
  private final LiveSslContext<Credentials> plainTls;
  private final Duration peerTimeout;
  private final Duration localTimeout;
  private final SourceAddresses sources;
  private final TcpKeepAlive peerKeepAlive;
  private final TcpKeepAlive localKeepAlive;
  private final DialledPeers peers;

  /**
   * Connects to peers from the source address that the kernel chooses, with the default keep-alive.
   */
  public PeerConnector(
      ProxyLoops loops,
      Supplier<Credentials> credentials,
      InstantSource clock,
      DialledPeers peers,
      Duration peerTimeout,
      Duration localTimeout) {
    this(
        loops,
        credentials,
        clock,
        peers,
        peerTimeout,
        localTimeout,
        SourceAddresses.NONE,
        TcpKeepAlive.DEFAULT,
        TcpKeepAlive.DEFAULT);
  }

  /**
   * @param credentials newest credentials of the workload
   * @param peers has connections end with the trust in their peers
   * @param peerTimeout limit for TCP and TLS to a peer together
   * @param localTimeout limit for TCP to the application
   * @param sources source addresses of connections to peers
   * @param peerKeepAlive of connections to peers
   * @param localKeepAlive of connections to the application
   */
  public PeerConnector(
      ProxyLoops loops,
      Supplier<Credentials> credentials,
      InstantSource clock,
      DialledPeers peers,
      Duration peerTimeout,
      Duration localTimeout,
      SourceAddresses sources,
      TcpKeepAlive peerKeepAlive,
      TcpKeepAlive localKeepAlive) {
    this.loops = loops;
    this.peers = peers;
    this.sources = sources;
    this.peerKeepAlive = peerKeepAlive;
    this.localKeepAlive = localKeepAlive;
    this.peerTimeout = peerTimeout;
    this.localTimeout = localTimeout;
    this.direct =
        new LiveSslContext<>(
            credentials,
            snapshot -> MeshSslContexts.client(snapshot, List.of(TransportHeader.ALPN), clock));
    this.plainTls =
        new LiveSslContext<>(
            credentials, snapshot -> MeshSslContexts.client(snapshot, List.of(), clock));
  }

  @Override
  public Future<Channel> connect(ProxyLoop loop, Endpoint endpoint, Session session) {
    Promise<Channel> promise = loop.eventLoop().newPromise();
    Attempt attempt = new Attempt(loop, endpoint, session, promise);
    ScheduledFuture<?> timer =
        loop.eventLoop().schedule(attempt::timedOut, peerTimeout.toMillis(), TimeUnit.MILLISECONDS);
    promise.addListener(done -> timer.cancel(false));
    InetSocketAddress target = endpoint.dialAddress();
    loops
        .dial(
            loop,
            new Dial(
                target, sources.towards(target.getAddress()), peerKeepAlive, peerTimeout, attempt))
        .addListener(
            (Future<Channel> done) -> {
              if (!done.isSuccess()) {
                promise.tryFailure(done.cause());
              } else if (endpoint.tls() == null) {
                attempt.ready(done.getNow());
              } else {
                // The handshake reads.
                done.getNow().config().setAutoRead(true);
              }
            });
    return promise;
  }

  @Override
  public Future<Channel> connectLocal(ProxyLoop loop, InetSocketAddress application) {
    return loops.dial(
        loop,
        new Dial(
            application,
            null,
            localKeepAlive,
            localTimeout,
            new ChannelInitializer<Channel>() {
              @Override
              protected void initChannel(Channel channel) {}
            }));
  }

  /**
   * Builds the TLS contexts of the newest credentials now, so that no connection has to wait for
   * that.
   */
  public void refresh() throws SSLException {
    direct.refresh();
    plainTls.refresh();
  }

  @Override
  public void close() {
    direct.close();
    plainTls.close();
  }

  /** One attempt. Confined to its loop. */
  private final class Attempt extends ChannelInitializer<Channel> {
    private final ProxyLoop loop;
    private final Endpoint endpoint;
    private final Session session;
    private final Promise<Channel> promise;
    private @Nullable Channel channel;

    Attempt(ProxyLoop loop, Endpoint endpoint, Session session, Promise<Channel> promise) {
      this.loop = loop;
      this.endpoint = endpoint;
      this.session = session;
      this.promise = promise;
    }

    @Override
    protected void initChannel(Channel opened) throws SSLException {
      channel = opened;
      TlsTarget tls = endpoint.tls();
      if (tls == null) {
        return;
      }
      LiveSslContext<Credentials> contexts = endpoint.transportPort() == 0 ? plainTls : direct;
      SslHandler handler =
          contexts.newHandler(opened.alloc(), tls.serverName(), endpoint.dialAddress().getPort());
      handler.setHandshakeTimeoutMillis(peerTimeout.toMillis());
      opened.pipeline().addLast("tls", handler);
      opened
          .pipeline()
          .addLast(
              "dial",
              new ChannelInboundHandlerAdapter() {
                @Override
                public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
                  promise.tryFailure(cause);
                  ctx.close();
                }

                @Override
                public void channelInactive(ChannelHandlerContext ctx) {
                  promise.tryFailure(
                      new ConnectException("peer " + endpoint.dialAddress() + " hung up"));
                  ctx.fireChannelInactive();
                }
              });
      handler
          .handshakeFuture()
          .addListener(
              done -> {
                if (done.isSuccess()) {
                  established(opened, handler, tls);
                } else {
                  promise.tryFailure(done.cause());
                  opened.close();
                }
              });
    }

    private void established(Channel opened, SslHandler handler, TlsTarget tls) {
      VerifiedPeer peer = MeshSslContexts.verifiedPeer(handler).orElse(null);
      if (peer == null || !peer.identity().matches(tls.identity())) {
        promise.tryFailure(
            new SSLException(
                "peer "
                    + endpoint.dialAddress()
                    + " is "
                    + (peer == null ? "nobody" : peer.identity().name())
                    + ", expected "
                    + tls.identity()));
        opened.close();
        return;
      }
      try {
        DuplexTls.takeOver(opened, handler);
      } catch (SSLException e) {
        promise.tryFailure(e);
        opened.close();
        return;
      }
      if (!peers.follow(opened, peer, handler)) {
        // The handshake was begun under an older revocation list.
        promise.tryFailure(
            new SSLException("peer " + endpoint.dialAddress() + " is not trusted any more"));
        return;
      }
      if (endpoint.transportPort() != 0) {
        if (!TransportHeader.ALPN.equals(handler.applicationProtocol())) {
          promise.tryFailure(
              new SSLException(
                  "peer " + endpoint.dialAddress() + " did not negotiate " + TransportHeader.ALPN));
          opened.close();
          return;
        }
        opened.write(TransportHeader.encode(opened.alloc(), endpoint.address().getPort(), session));
        // With what is sent next, or without, where the server is the one to speak first.
        loop.markDirty(opened);
      }
      ready(opened);
    }

    private void ready(Channel opened) {
      opened.config().setAutoRead(false);
      if (opened.pipeline().get("dial") != null) {
        opened.pipeline().remove("dial");
      }
      if (!promise.trySuccess(opened)) {
        opened.close();
      }
    }

    private void timedOut() {
      if (promise.tryFailure(
          new ConnectTimeoutException(
              "no connection to " + endpoint.dialAddress() + " within " + peerTimeout))) {
        Channel pending = channel;
        if (pending != null) {
          pending.close();
        }
      }
    }
  }
}

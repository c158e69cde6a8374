package io.signetmesh.identity.channel;

import io.grpc.Attributes;
import io.grpc.Grpc;
import io.grpc.netty.GrpcHttp2ConnectionHandler;
import io.grpc.netty.InternalProtocolNegotiator;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.ssl.SslHandler;
import io.netty.handler.ssl.SslHandshakeCompletionEvent;
import io.netty.util.AsciiString;
import io.signetmesh.identity.pki.LiveSslContext;
import io.signetmesh.identity.pki.MeshSslContexts;
import io.signetmesh.identity.pki.PeerIdentity;
import io.signetmesh.identity.pki.VerifiedPeer;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.Optional;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * TLS on the server side; what follows it is HTTP/2, whether ALPN says so or says nothing. Clients
 * of federated trust domains are turned away.
 */
final class TlsServerNegotiator implements InternalProtocolNegotiator.ProtocolNegotiator {
  private static final Logger log = LoggerFactory.getLogger(TlsServerNegotiator.class);

  private final LiveSslContext<?> tls;
  private final Duration timeout;
  private final ServedConnections served;
  private final ConnectionBudget connections;
  private final UncertifiedAge age;
  private final TrustWatch trust;

  TlsServerNegotiator(
      LiveSslContext<?> tls,
      Duration timeout,
      ServedConnections served,
      ConnectionBudget connections,
      UncertifiedAge age,
      TrustWatch trust) {
    this.tls = tls;
    this.timeout = timeout;
    this.served = served;
    this.connections = connections;
    this.age = age;
    this.trust = trust;
  }

  /** What proxies send, also inside TLS. */
  @Override
  public AsciiString scheme() {
    return PlainNegotiator.HTTP;
  }

  @Override
  public ChannelHandler newHandler(GrpcHttp2ConnectionHandler grpcHandler) {
    return new Handshake(grpcHandler);
  }

  @Override
  public void close() {
    // The context belongs to the server.
  }

  private final class Handshake extends NegotiationHandler {
    private @Nullable SslHandler handler;
    private ConnectionBudget.@Nullable Lease lease;
    private HandshakeTurns.@Nullable Turn turn;

    Handshake(GrpcHttp2ConnectionHandler grpcHandler) {
      super(grpcHandler, timeout);
    }

    @Override
    public void handlerAdded(ChannelHandlerContext ctx) throws SSLException {
      InetAddress address =
          ctx.channel().remoteAddress() instanceof InetSocketAddress remote
              ? remote.getAddress()
              : null;
      ConnectionBudget.Lease admitted = address == null ? null : connections.admit(address);
      if (address == null || admitted == null) {
        ctx.channel().close();
        return;
      }
      lease = admitted;
      ctx.channel().closeFuture().addListener(closed -> admitted.close());
      SslHandler added = tls.newHandler(ctx.alloc());
      added.setHandshakeTimeoutMillis(timeout.toMillis());
      handler = added;
      ctx.pipeline().addBefore(ctx.name(), null, added);
      HandshakeTurns.Turn waits =
          served.loops().handshakes(ctx.channel().eventLoop()).add(ctx.channel(), address);
      turn = waits;
      ctx.channel().closeFuture().addListener(closed -> waits.end());
    }

    @Override
    void onEvent(ChannelHandlerContext ctx, Object event) {
      if (!(event instanceof SslHandshakeCompletionEvent completion) || handler == null) {
        ctx.fireUserEventTriggered(event);
        return;
      }
      if (turn != null) {
        turn.end();
      }
      if (completion.isSuccess()) {
        Optional<VerifiedPeer> peer = MeshSslContexts.verifiedPeer(handler);
        if (peer.isPresent() && peer.get().identity().federated()) {
          // The control plane serves members of its own mesh only.
          log.debug("{} at {} refused", peer.get().identity(), ctx.channel().remoteAddress());
          ctx.channel().close();
          return;
        }
        Caller caller =
            peer.<Caller>map(verified -> new Caller.Identified(verified.identity()))
                .orElseGet(Caller.Unidentified::new);
        ConnectionBudget.Lease held = lease;
        boolean stays =
            held != null
                && (caller instanceof Caller.Identified(PeerIdentity identity)
                    ? held.identify(identity.name())
                    : held.stayAnonymous());
        if (!stays) {
          ctx.channel().close();
          return;
        }
        if (!(caller instanceof Caller.Identified)) {
          age.limit(ctx.channel());
        }
        Attributes begun = served.begin(ctx, grpcHandler(), caller);
        Attributes.Builder learned =
            begun.toBuilder().set(Grpc.TRANSPORT_ATTR_SSL_SESSION, handler.engine().getSession());
        peer.ifPresent(verified -> learned.set(ServedConnections.PEER, verified));
        proceed(ctx, learned.build());
        // Nothing of the caller has been read yet.
        served.follow(ctx.channel(), grpcHandler(), begun, trust.peers(), handler);
        if (!(caller instanceof Caller.Identified)) {
          served.announce(ctx.channel(), grpcHandler());
        }
      } else {
        ctx.fireExceptionCaught(completion.cause());
      }
    }
  }
}

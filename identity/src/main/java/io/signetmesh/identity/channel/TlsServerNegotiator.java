package io.signetmesh.identity.channel;

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
import java.net.InetSocketAddress;
import java.time.Duration;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;

/** TLS on the server side; what follows it is HTTP/2, whether ALPN says so or says nothing. */
final class TlsServerNegotiator implements InternalProtocolNegotiator.ProtocolNegotiator {
  private final LiveSslContext<?> tls;
  private final Duration timeout;
  private final ServedConnections served;
  private final ConnectionBudget connections;
  private final UncertifiedAge age;

  TlsServerNegotiator(
      LiveSslContext<?> tls,
      Duration timeout,
      ServedConnections served,
      ConnectionBudget connections,
      UncertifiedAge age) {
    this.tls = tls;
    this.timeout = timeout;
    this.served = served;
    this.connections = connections;
    this.age = age;
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

    Handshake(GrpcHttp2ConnectionHandler grpcHandler) {
      super(grpcHandler, timeout);
    }

    @Override
    public void handlerAdded(ChannelHandlerContext ctx) throws SSLException {
      ConnectionBudget.Lease admitted =
          ctx.channel().remoteAddress() instanceof InetSocketAddress remote
              ? connections.admit(remote.getAddress())
              : null;
      if (admitted == null) {
        ctx.channel().close();
        return;
      }
      lease = admitted;
      ctx.channel().closeFuture().addListener(closed -> admitted.close());
      SslHandler added = tls.newHandler(ctx.alloc());
      added.setHandshakeTimeoutMillis(timeout.toMillis());
      handler = added;
      ctx.pipeline().addBefore(ctx.name(), null, added);
    }

    @Override
    void onEvent(ChannelHandlerContext ctx, Object event) {
      if (!(event instanceof SslHandshakeCompletionEvent completion) || handler == null) {
        ctx.fireUserEventTriggered(event);
      } else if (completion.isSuccess()) {
        Caller caller =
            MeshSslContexts.peer(handler)
                .<Caller>map(Caller.Identified::new)
                .orElseGet(Caller.Unidentified::new);
        ConnectionBudget.Lease held = lease;
        boolean stays =
            held != null
                && (caller instanceof Caller.Identified(PeerIdentity peer)
                    ? held.identify(peer.name())
                    : held.stayAnonymous());
        if (!stays) {
          ctx.channel().close();
          return;
        }
        if (!(caller instanceof Caller.Identified)) {
          age.limit(ctx.channel());
        }
        proceed(
            ctx,
            served.begin(ctx, grpcHandler(), caller).toBuilder()
                .set(Grpc.TRANSPORT_ATTR_SSL_SESSION, handler.engine().getSession())
                .build());
        if (!(caller instanceof Caller.Identified)) {
          served.announce(ctx.channel(), grpcHandler());
        }
      } else {
        ctx.fireExceptionCaught(completion.cause());
      }
    }
  }
}

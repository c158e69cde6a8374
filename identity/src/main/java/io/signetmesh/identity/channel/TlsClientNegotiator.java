package io.signetmesh.identity.channel;

import io.grpc.Attributes;
import io.grpc.Grpc;
import io.grpc.Status;
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
import java.time.Duration;
import java.util.Optional;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;

/**
 * TLS on the client side, without ALPN. The server's certificate must carry the identity expected;
 * gRPC writes nothing before that has been seen.
 */
final class TlsClientNegotiator implements InternalProtocolNegotiator.ProtocolNegotiator {
  private final LiveSslContext<?> tls;
  private final String serverName;
  private final int port;
  private final Duration timeout;

  TlsClientNegotiator(LiveSslContext<?> tls, String serverName, int port, Duration timeout) {
    this.tls = tls;
    this.serverName = serverName;
    this.port = port;
    this.timeout = timeout;
  }

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
    tls.close();
  }

  private final class Handshake extends NegotiationHandler {
    private @Nullable SslHandler handler;

    Handshake(GrpcHttp2ConnectionHandler grpcHandler) {
      super(grpcHandler, timeout);
    }

    @Override
    public void handlerAdded(ChannelHandlerContext ctx) throws SSLException {
      SslHandler added = tls.newHandler(ctx.alloc(), serverName, port);
      added.setHandshakeTimeoutMillis(timeout.toMillis());
      handler = added;
      ctx.pipeline().addBefore(ctx.name(), null, added);
    }

    @Override
    void onEvent(ChannelHandlerContext ctx, Object event) {
      if (!(event instanceof SslHandshakeCompletionEvent completion) || handler == null) {
        ctx.fireUserEventTriggered(event);
        return;
      }
      if (!completion.isSuccess()) {
        ctx.fireExceptionCaught(completion.cause());
        return;
      }
      Optional<PeerIdentity> peer = MeshSslContexts.peer(handler);
      if (peer.isEmpty() || !peer.get().matches(serverName)) {
        ctx.fireExceptionCaught(
            Status.UNAVAILABLE
                .withDescription(
                    "server at "
                        + ctx.channel().remoteAddress()
                        + " is "
                        + peer.map(PeerIdentity::names)
                        + ": expected "
                        + serverName)
                .asRuntimeException());
        return;
      }
      proceed(
          ctx,
          Attributes.newBuilder()
              .set(Grpc.TRANSPORT_ATTR_SSL_SESSION, handler.engine().getSession())
              .build());
    }
  }
}

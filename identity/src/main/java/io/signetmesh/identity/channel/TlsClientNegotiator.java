package io.signetmesh.identity.channel;

import io.grpc.Attributes;
import io.grpc.Grpc;
import io.grpc.Status;
import io.grpc.netty.GrpcHttp2ConnectionHandler;
import io.grpc.netty.InternalProtocolNegotiator;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.http2.Http2Exception;
import io.netty.handler.codec.http2.Http2LocalFlowController;
import io.netty.handler.codec.http2.Http2Stream;
import io.netty.handler.ssl.SslHandler;
import io.netty.handler.ssl.SslHandshakeCompletionEvent;
import io.netty.util.AsciiString;
import io.signetmesh.identity.live.LiveConnection;
import io.signetmesh.identity.live.LivePeers;
import io.signetmesh.identity.pki.LiveSslContext;
import io.signetmesh.identity.pki.MeshSslContexts;
import io.signetmesh.identity.pki.PeerIdentity;
import io.signetmesh.identity.pki.VerifiedPeer;
import java.time.Duration;
import java.util.Optional;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * TLS on the client side, without ALPN. The server's certificate must carry the identity expected;
 * gRPC writes nothing before that has been seen.
 */
final class TlsClientNegotiator implements InternalProtocolNegotiator.ProtocolNegotiator {
  private static final Logger log = LoggerFactory.getLogger(TlsClientNegotiator.class);

  private final LiveSslContext<?> tls;
  private final String serverName;
  private final int port;
  private final Duration timeout;
  private final TrustWatch trust;
  private final Runnable leave;
  private final int connectionWindow;

  /**
   * @param leave has the calls to come use another connection
   * @param connectionWindow bytes that all calls together may be sent before they are taken; 0 for
   *     as many as one call
   */
  TlsClientNegotiator(
      LiveSslContext<?> tls,
      String serverName,
      int port,
      Duration timeout,
      TrustWatch trust,
      Runnable leave,
      int connectionWindow) {
    this.tls = tls;
    this.serverName = serverName;
    this.port = port;
    this.timeout = timeout;
    this.trust = trust;
    this.leave = leave;
    this.connectionWindow = connectionWindow;
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
    trust.close();
    tls.close();
  }

  /**
   * Leaves a connection before its certificates end: calls that begin go elsewhere at first, and
   * then those that are open are ended here, so that they begin again there.
   */
  private final class Dialled implements LiveConnection {
    private final Channel channel;

    Dialled(Channel channel) {
      this.channel = channel;
    }

    @Override
    public void notice(Notice notice) {
      switch (notice) {
        case ENDS_SOON -> leave.run();
        case ENDS_NOW -> cut();
      }
    }

    @Override
    public void record(Cause cause, String why) {
      log.warn("connection to {} cut: {}", serverName, why);
    }

    @Override
    public void cut() {
      ServedPeer.cut(channel);
    }
  }

  private final class Handshake extends NegotiationHandler {
    private final GrpcHttp2ConnectionHandler grpc;
    private @Nullable SslHandler handler;

    Handshake(GrpcHttp2ConnectionHandler grpcHandler) {
      super(grpcHandler, timeout);
      this.grpc = grpcHandler;
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
      VerifiedPeer verified = MeshSslContexts.verifiedPeer(handler).orElse(null);
      if (verified == null || !verified.identity().matches(serverName)) {
        Optional<PeerIdentity> peer = Optional.ofNullable(verified).map(VerifiedPeer::identity);
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
      follow(ctx.channel(), verified, handler);
      if (connectionWindow > 0) {
        // After gRPC has said which window it wants.
        ctx.channel().eventLoop().execute(() -> widen(ctx.channel()));
      }
    }

    private void widen(Channel channel) {
      Http2LocalFlowController flow = grpc.connection().local().flowController();
      Http2Stream all = grpc.connection().connectionStream();
      int more = connectionWindow - flow.initialWindowSize(all);
      if (more > 0 && channel.isActive()) {
        try {
          flow.incrementWindowSize(all, more);
          channel.flush();
        } catch (Http2Exception e) {
          log.warn("the window of the connection to {} stays small", serverName, e);
        }
      }
    }

    private void follow(Channel channel, VerifiedPeer verified, SslHandler established) {
      LivePeers.Registration registration =
          trust
              .peers()
              .register(
                  channel.eventLoop(),
                  LivePeers.Side.DIALLED,
                  verified,
                  MeshSslContexts.ownLeaf(established).orElse(null),
                  new Dialled(channel));
      channel.closeFuture().addListener(closed -> registration.close());
    }
  }
}

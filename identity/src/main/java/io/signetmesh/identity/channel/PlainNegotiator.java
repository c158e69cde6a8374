package io.signetmesh.identity.channel;

import io.grpc.netty.GrpcHttp2ConnectionHandler;
import io.grpc.netty.InternalProtocolNegotiator;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.util.AsciiString;
import java.time.Duration;

/** HTTP/2 by prior knowledge in the clear, server side. */
final class PlainNegotiator implements InternalProtocolNegotiator.ProtocolNegotiator {
  static final AsciiString HTTP = AsciiString.cached("http");

  private final Duration settingsTimeout;
  private final ServedConnections served;

  PlainNegotiator(Duration settingsTimeout, ServedConnections served) {
    this.settingsTimeout = settingsTimeout;
    this.served = served;
  }

  @Override
  public AsciiString scheme() {
    return HTTP;
  }

  @Override
  public ChannelHandler newHandler(GrpcHttp2ConnectionHandler grpcHandler) {
    return new NegotiationHandler(grpcHandler, settingsTimeout) {
      @Override
      void onNegotiationStart(ChannelHandlerContext ctx) {
        proceed(ctx, served.begin(ctx, grpcHandler, new Caller.TrustedLocal()));
      }
    };
  }

  @Override
  public void close() {
    // Holds nothing.
  }
}

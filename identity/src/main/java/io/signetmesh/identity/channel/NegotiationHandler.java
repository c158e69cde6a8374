package io.signetmesh.identity.channel;

import io.grpc.Attributes;
import io.grpc.Grpc;
import io.grpc.netty.GrpcHttp2ConnectionHandler;
import io.grpc.netty.InternalProtocolNegotiationEvent;
import io.grpc.netty.InternalProtocolNegotiators;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Stands where gRPC's connection will stand until the connection is ready for it. gRPC starts with
 * an event that is kept; when the connection is ready the handler makes room for gRPC and hands the
 * event on with what has been learned. A peer that then does not send its HTTP/2 settings in time
 * is cut.
 */
abstract class NegotiationHandler extends ChannelInboundHandlerAdapter {
  private final GrpcHttp2ConnectionHandler grpcHandler;
  private final Duration settingsTimeout;
  private @Nullable Object startEvent;

  NegotiationHandler(GrpcHttp2ConnectionHandler grpcHandler, Duration settingsTimeout) {
    this.grpcHandler = grpcHandler;
    this.settingsTimeout = settingsTimeout;
  }

  /** gRPC is waiting; {@link #proceed} may be called from here on. */
  void onNegotiationStart(ChannelHandlerContext ctx) {}

  /** Another event than gRPC's. */
  void onEvent(ChannelHandlerContext ctx, Object event) {
    ctx.fireUserEventTriggered(event);
  }

  /** gRPC's handler, which is not in the pipeline before {@link #proceed}. */
  final GrpcHttp2ConnectionHandler grpcHandler() {
    return grpcHandler;
  }

  final boolean isStarted() {
    return startEvent != null;
  }

  @Override
  public final void userEventTriggered(ChannelHandlerContext ctx, Object event) {
    if (event.getClass() == InternalProtocolNegotiationEvent.getDefault().getClass()) {
      startEvent = event;
      onNegotiationStart(ctx);
    } else {
      onEvent(ctx, event);
    }
  }

  /** Hands the connection to gRPC. */
  final void proceed(ChannelHandlerContext ctx, Attributes learned) {
    Attributes attributes =
        learned.toBuilder()
            .set(Grpc.TRANSPORT_ATTR_LOCAL_ADDR, ctx.channel().localAddress())
            .set(Grpc.TRANSPORT_ATTR_REMOTE_ADDR, ctx.channel().remoteAddress())
            .build();
    Object event =
        InternalProtocolNegotiationEvent.withAttributes(
            InternalProtocolNegotiationEvent.getDefault(), attributes);
    ctx.executor()
        .schedule(
            () -> {
              if (!grpcHandler.decoder().prefaceReceived()) {
                ctx.channel().close();
              }
            },
            settingsTimeout.toMillis(),
            TimeUnit.MILLISECONDS);
    ctx.pipeline()
        .replace(ctx.name(), null, InternalProtocolNegotiators.grpcNegotiationHandler(grpcHandler));
    // The replaced context leads to its successor.
    ctx.fireUserEventTriggered(event);
  }
}

package io.signetmesh.identity.channel;

import io.grpc.Status;
import io.grpc.netty.GrpcHttp2ConnectionHandler;
import io.netty.channel.Channel;
import io.netty.channel.ChannelException;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelOption;
import io.netty.handler.codec.http2.DefaultHttp2Headers;
import io.netty.handler.codec.http2.Http2Error;
import io.netty.handler.codec.http2.Http2Exception;
import io.netty.handler.codec.http2.Http2Headers;
import io.netty.handler.codec.http2.Http2Stream;
import io.signetmesh.identity.live.LiveConnection;
import java.util.ArrayList;
import java.util.List;

/**
 * A connection of a server whose caller has shown a certificate. Before the certificate ends the
 * caller is told to go (HTTP/2 GOAWAY), then its calls end with UNAVAILABLE. A caller that is
 * revoked is cut, and so is whatever is left at the end. Confined to the connection's event loop.
 */
final class ServedPeer implements LiveConnection {
  private final Channel channel;
  private final GrpcHttp2ConnectionHandler grpc;
  private final CallGuard guard;
  private final Refusals refusals;
  private final String caller;
  private final String address;

  /**
   * @param caller identity, for records
   */
  ServedPeer(
      Channel channel,
      GrpcHttp2ConnectionHandler grpc,
      CallGuard guard,
      Refusals refusals,
      String caller,
      String address) {
    this.channel = channel;
    this.grpc = grpc;
    this.guard = guard;
    this.refusals = refusals;
    this.caller = caller;
    this.address = address;
  }

  @Override
  public void notice(Notice notice) {
    switch (notice) {
      case ENDS_SOON -> channel.pipeline().close();
      case ENDS_NOW -> endCalls();
    }
  }

  @Override
  public void record(Cause cause, String why) {
    refusals.cut(cause, caller, address, why);
  }

  @Override
  public void cut() {
    cut(channel);
  }

  /** Closes below TLS and HTTP/2, which would wait for the peer. */
  static void cut(Channel channel) {
    try {
      channel.config().setOption(ChannelOption.SO_LINGER, 0);
    } catch (ChannelException e) {
      // The socket is gone already.
    }
    ChannelHandlerContext lowest = channel.pipeline().firstContext();
    if (lowest != null) {
      lowest.close();
    } else {
      channel.close();
    }
  }

  private void endCalls() {
    ChannelHandlerContext ctx = channel.pipeline().context(grpc);
    if (ctx == null) {
      return;
    }
    List<Http2Stream> open = new ArrayList<>();
    try {
      grpc.connection().forEachActiveStream(open::add);
      for (Http2Stream stream : open) {
        boolean answered = stream.isHeadersSent();
        // The service finds its call cancelled.
        guard.onRstStreamRead(ctx, stream.id(), Http2Error.CANCEL.code());
        grpc.encoder()
            .writeHeaders(ctx, stream.id(), trailers(answered), 0, true, ctx.newPromise());
      }
    } catch (Http2Exception e) {
      grpc.onError(ctx, false, e);
    }
    ctx.flush();
  }

  private static Http2Headers trailers(boolean answered) {
    Http2Headers trailers = new DefaultHttp2Headers();
    if (!answered) {
      trailers.status("200").set("content-type", "application/grpc");
    }
    return trailers
        .set("grpc-status", Integer.toString(Status.Code.UNAVAILABLE.value()))
        .set("grpc-message", "the client certificate of the connection ends");
  }
}

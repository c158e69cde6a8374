package io.signetmesh.proxy.admin;

import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.handler.codec.DecoderResult;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.TooLongHttpHeaderException;
import io.netty.handler.codec.http.TooLongHttpLineException;
import io.signetmesh.identity.live.LiveConnection;
import io.signetmesh.proxy.authorize.ServerPolicy;
import io.signetmesh.proxy.policy.PortPolicy;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One connection: takes a request, answers it, and only then reads the next one. */
final class AdminConnection extends SimpleChannelInboundHandler<FullHttpRequest> {
  private static final Logger log = LoggerFactory.getLogger(AdminConnection.class);

  private final AdminRequests requests;
  private final @Nullable AdminGuard guard;
  private final AdminConnections room;
  private final Duration requestTime;
  private @Nullable Future<?> deadline;

  private AdminGuard.@Nullable Connection guarded;
  private boolean retired;

  /**
   * @param guard decides about requests; null: all are answered
   * @param room for answers that wait to be read
   */
  AdminConnection(
      AdminRequests requests,
      @Nullable AdminGuard guard,
      AdminConnections room,
      Duration requestTime) {
    this.requests = requests;
    this.guard = guard;
    this.room = room;
    this.requestTime = requestTime;
  }

  @Override
  public void channelActive(ChannelHandlerContext ctx) {
    await(ctx);
  }

  @Override
  public void channelInactive(ChannelHandlerContext ctx) {
    stopDeadline();
  }

  /** The certificates of the connection end: what is under way is its last request. */
  @Override
  public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
    if (event instanceof LiveConnection.Notice notice) {
      retired = true;
      if (notice == LiveConnection.Notice.ENDS_NOW && deadline != null) {
        ctx.close();
      }
    }
    ctx.fireUserEventTriggered(event);
  }

  @Override
  public void channelReadComplete(ChannelHandlerContext ctx) {
    // A request that is not whole yet: its deadline goes on.
    if (deadline != null) {
      ctx.read();
    }
  }

  @Override
  protected void channelRead0(ChannelHandlerContext ctx, FullHttpRequest request) {
    stopDeadline();
    DecoderResult decoded = request.decoderResult();
    if (!decoded.isSuccess()) {
      respond(ctx, AdminRequests.text(refusal(decoded.cause()), "request cannot be read"), false);
      return;
    }
    boolean keepAlive = HttpUtil.isKeepAlive(request);
    AdminGuard guarding = guard;
    if (guarding == null) {
      respond(ctx, requests.answer(peer(ctx), request), keepAlive);
      return;
    }
    PortPolicy port = guarding.policy(ctx.channel());
    ServerPolicy current = port == null ? null : port.current();
    if (current != null) {
      decide(ctx, guarding, current, request, keepAlive);
    } else if (AdminGuard.isProbe(request)) {
      // How the proxy does is told also while nobody says who may ask.
      respond(ctx, requests.answer(peer(ctx), request), keepAlive);
    } else if (port == null) {
      respond(ctx, noPolicy(), keepAlive);
    } else {
      awaitPolicy(ctx, guarding, port, request.retain(), keepAlive);
    }
  }

  private void awaitPolicy(
      ChannelHandlerContext ctx,
      AdminGuard guarding,
      PortPolicy port,
      FullHttpRequest request,
      boolean keepAlive) {
    port.await(ctx.executor())
        .addListener(
            first -> {
              try {
                ServerPolicy current = port.current();
                if (current == null) {
                  respond(ctx, noPolicy(), keepAlive);
                } else {
                  decide(ctx, guarding, current, request, keepAlive);
                }
              } finally {
                request.release();
              }
            });
  }

  private void decide(
      ChannelHandlerContext ctx,
      AdminGuard guarding,
      ServerPolicy current,
      FullHttpRequest request,
      boolean keepAlive) {
    AdminGuard.Connection connection = guarded;
    if (connection == null) {
      connection = guarding.connection(ctx.channel());
      guarded = connection;
    }
    AdminGuard.Refusal refusal = connection.decide(current, request);
    if (refusal == null) {
      // Whoever speaks mesh TLS is a client of the network, also from this host.
      respond(ctx, requests.answer(connection.isTls() ? null : peer(ctx), request), keepAlive);
      return;
    }
    FullHttpResponse response =
        AdminRequests.text(HttpResponseStatus.valueOf(refusal.status()), refusal.text());
    String location = refusal.location();
    if (location != null) {
      response.headers().set(HttpHeaderNames.LOCATION, location);
    }
    respond(ctx, response, keepAlive);
  }

  private static FullHttpResponse noPolicy() {
    return AdminRequests.text(
        HttpResponseStatus.SERVICE_UNAVAILABLE, "the policy of the admin port has not arrived");
  }

  private void respond(ChannelHandlerContext ctx, FullHttpResponse answer, boolean wanted) {
    FullHttpResponse response = answer;
    boolean keepAlive = wanted && !retired;
    if (!room.answer(ctx.channel(), answer.content().readableBytes())) {
      answer.release();
      response =
          AdminRequests.text(
              HttpResponseStatus.SERVICE_UNAVAILABLE, "earlier answers have not been read");
    }
    HttpUtil.setKeepAlive(response, keepAlive);
    response.headers().set(HttpHeaderNames.CACHE_CONTROL, "no-store");
    response.headers().set("x-content-type-options", "nosniff");
    ctx.writeAndFlush(response)
        .addListener(
            (ChannelFutureListener)
                written -> {
                  room.read(ctx.channel());
                  if (keepAlive && written.isSuccess()) {
                    // By way of the loop, so that pipelined requests do not nest.
                    ctx.executor().execute(() -> await(ctx));
                  } else {
                    ctx.close();
                  }
                });
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
    if (!(cause instanceof IOException)) {
      log.debug("admin connection of {}", ctx.channel().remoteAddress(), cause);
    }
    ctx.close();
  }

  private void await(ChannelHandlerContext ctx) {
    deadline =
        ctx.executor().schedule(() -> ctx.close(), requestTime.toMillis(), TimeUnit.MILLISECONDS);
    ctx.read();
  }

  private void stopDeadline() {
    Future<?> running = deadline;
    deadline = null;
    if (running != null) {
      running.cancel(false);
    }
  }

  private static @Nullable InetSocketAddress peer(ChannelHandlerContext ctx) {
    return ctx.channel().remoteAddress() instanceof InetSocketAddress address ? address : null;
  }

  private static HttpResponseStatus refusal(Throwable cause) {
    return switch (cause) {
      case TooLongHttpLineException e -> HttpResponseStatus.REQUEST_URI_TOO_LONG;
      case TooLongHttpHeaderException e -> HttpResponseStatus.REQUEST_HEADER_FIELDS_TOO_LARGE;
      default -> HttpResponseStatus.BAD_REQUEST;
    };
  }
}

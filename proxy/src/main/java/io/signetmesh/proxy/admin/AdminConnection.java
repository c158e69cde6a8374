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
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One connection: takes a request, answers it, and only then reads the next one. Probes are
 * answered at once, other requests in the turn of the server.
 */
final class AdminConnection extends SimpleChannelInboundHandler<FullHttpRequest> {
  private static final Logger log = LoggerFactory.getLogger(AdminConnection.class);

  private final AdminAnswers requests;
  private final @Nullable AdminGuard guard;
  private final AdminTurns.Turn turn;
  private final AdminConnections.Share room;
  private final Duration requestTime;

  /** For a request to come. */
  private @Nullable Future<?> deadline;

  /** For an answer to be made. */
  private @Nullable Future<?> answering;

  /** What has waited last for the turn of the server. */
  private AdminTurns.@Nullable Piece waiting;

  private AdminGuard.@Nullable Connection guarded;
  private boolean retired;

  /**
   * @param guard decides about requests; null: all are answered
   * @param turn when requests are served that are no probes
   * @param room for answers that wait to be read
   * @param requestTime for a request to come, and again for its answer to be made
   */
  AdminConnection(
      AdminAnswers requests,
      @Nullable AdminGuard guard,
      AdminTurns.Turn turn,
      AdminConnections.Share room,
      Duration requestTime) {
    this.requests = requests;
    this.guard = guard;
    this.turn = turn;
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
    stopAnswering();
    AdminTurns.Piece last = waiting;
    waiting = null;
    if (last != null) {
      last.drop();
    }
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
      respond(ctx, AdminResponses.text(refusal(decoded.cause()), "request cannot be read"), false);
      return;
    }
    if (AdminGuard.isProbe(request)) {
      serve(ctx, request);
      return;
    }
    request.retain();
    inTurn(
        ctx,
        () -> {
          try {
            serve(ctx, request);
          } finally {
            request.release();
          }
        },
        request::release);
  }

  /** Does something when the turn of the server has come; if the connection closes before, else. */
  private void inTurn(ChannelHandlerContext ctx, Runnable work, Runnable dropped) {
    AdminTurns.Piece waits = turn.execute(ctx.channel(), work, dropped);
    if (waits != null) {
      waiting = waits;
    }
  }

  private void serve(ChannelHandlerContext ctx, FullHttpRequest request) {
    boolean keepAlive = HttpUtil.isKeepAlive(request);
    AdminGuard guarding = guard;
    if (guarding == null) {
      answer(ctx, peer(ctx), request, keepAlive);
      return;
    }
    PortPolicy port = guarding.policy(ctx.channel());
    ServerPolicy current = port == null ? null : port.current();
    if (current != null) {
      decide(ctx, guarding, current, request, keepAlive);
    } else if (AdminGuard.isProbe(request)) {
      // How the proxy does is told also while nobody says who may ask.
      answer(ctx, peer(ctx), request, keepAlive);
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
      answer(ctx, connection.isTls() ? null : peer(ctx), request, keepAlive);
      return;
    }
    FullHttpResponse response =
        AdminResponses.text(HttpResponseStatus.valueOf(refusal.status()), refusal.text());
    String location = refusal.location();
    if (location != null) {
      response.headers().set(HttpHeaderNames.LOCATION, location);
    }
    respond(ctx, response, keepAlive);
  }

  private static FullHttpResponse noPolicy() {
    return AdminResponses.text(
        HttpResponseStatus.SERVICE_UNAVAILABLE, "the policy of the admin port has not arrived");
  }

  private void answer(
      ChannelHandlerContext ctx,
      @Nullable InetSocketAddress peer,
      FullHttpRequest request,
      boolean keepAlive) {
    CompletableFuture<FullHttpResponse> answer = requests.answer(peer, request);
    if (answer.isDone()) {
      respond(ctx, answer.join(), keepAlive);
      return;
    }
    answering =
        ctx.executor().schedule(() -> ctx.close(), requestTime.toMillis(), TimeUnit.MILLISECONDS);
    // A page may be one that many wait for.
    var unused =
        answer.thenAccept(
            response ->
                inTurn(
                    ctx,
                    () -> {
                      stopAnswering();
                      respond(ctx, response, keepAlive);
                    },
                    response::release));
  }

  private void respond(ChannelHandlerContext ctx, FullHttpResponse answer, boolean wanted) {
    FullHttpResponse response = answer;
    boolean keepAlive = wanted && !retired;
    if (!room.answer(ctx.channel(), answer.content().readableBytes())) {
      answer.release();
      response =
          AdminResponses.text(
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

  private void stopAnswering() {
    Future<?> running = answering;
    answering = null;
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

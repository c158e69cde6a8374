package io.signetmesh.proxy.admin;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.ByteToMessageDecoder;
import io.netty.handler.ssl.SslHandler;
import io.signetmesh.identity.pki.NegotiatedGroup;
import io.signetmesh.proxy.detect.ClientHello;
import java.util.List;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Terminates mesh TLS where a client speaks it; other TLS is refused, and plaintext goes on. A
 * handshake begins in the turn of its server; until then nothing more is read. The time for all of
 * it is that of the first request.
 */
final class AdminTls extends ByteToMessageDecoder {
  private static final Logger log = LoggerFactory.getLogger(AdminTls.class);

  private final AdminGuard guard;
  private final AdminTurns.Turn turn;
  private boolean waiting;

  /** The handshake that is to begin. */
  private AdminTurns.@Nullable Piece piece;

  AdminTls(AdminGuard guard, AdminTurns.Turn turn) {
    this.guard = guard;
    this.turn = turn;
  }

  @Override
  protected void decode(ChannelHandlerContext ctx, ByteBuf in, List<Object> out) {
    if (waiting) {
      return;
    }
    switch (ClientHello.inspect(in)) {
      case null -> {}
      case ClientHello.Result.NotTls plain -> ctx.pipeline().remove(this);
      case ClientHello.Result.Tls hello when guard.serverName().equals(hello.serverName()) -> {
        waiting = true;
        // Not within this call, which holds the bytes.
        ctx.executor().execute(() -> begin(ctx));
      }
      case ClientHello.Result.Tls foreign -> refuse(ctx, in);
      case ClientHello.Result.Oversized oversized -> refuse(ctx, in);
    }
  }

  /** Whoever reads on is told that nothing is left to read once the handshake has begun. */
  @Override
  public void channelReadComplete(ChannelHandlerContext ctx) throws Exception {
    if (!waiting) {
      super.channelReadComplete(ctx);
    }
  }

  private void begin(ChannelHandlerContext ctx) {
    if (!ctx.isRemoved()) {
      piece = turn.execute(ctx.channel(), () -> terminate(ctx), () -> {});
    }
  }

  /** With the handshake, or when the connection has closed. */
  @Override
  protected void handlerRemoved0(ChannelHandlerContext ctx) {
    AdminTurns.Piece last = piece;
    piece = null;
    if (last != null) {
      last.drop();
    }
  }

  private void terminate(ChannelHandlerContext ctx) {
    if (ctx.isRemoved()) {
      return;
    }
    SslHandler tls;
    try {
      tls = guard.newTls(ctx.alloc());
    } catch (SSLException | RuntimeException e) {
      // There is no certificate yet.
      log.debug("admin connection of {}", ctx.channel().remoteAddress(), e);
      refuse(ctx, internalBuffer());
      return;
    }
    tls.handshakeFuture()
        .addListener(
            done -> {
              if (done.isSuccess()) {
                guard.follow(ctx.channel(), tls);
              }
            });
    ctx.pipeline().addBefore(ctx.name(), "tls-group", NegotiatedGroup.onServer());
    ctx.pipeline().replace(this, "tls", tls);
  }

  private static void refuse(ChannelHandlerContext ctx, ByteBuf in) {
    in.skipBytes(in.readableBytes());
    ctx.close();
  }
}

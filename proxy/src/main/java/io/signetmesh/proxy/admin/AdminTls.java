package io.signetmesh.proxy.admin;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.ByteToMessageDecoder;
import io.netty.handler.ssl.SslHandler;
import io.signetmesh.identity.pki.NegotiatedGroup;
import io.signetmesh.proxy.detect.ClientHello;
import java.util.List;
import javax.net.ssl.SSLException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Terminates mesh TLS where a client speaks it; other TLS is refused, and plaintext goes on. The
 * time for all of it is that of the first request.
 */
final class AdminTls extends ByteToMessageDecoder {
  private static final Logger log = LoggerFactory.getLogger(AdminTls.class);

  private final AdminGuard guard;

  AdminTls(AdminGuard guard) {
    this.guard = guard;
  }

  @Override
  protected void decode(ChannelHandlerContext ctx, ByteBuf in, List<Object> out) {
    switch (ClientHello.inspect(in)) {
      case null -> {}
      case ClientHello.Result.NotTls plain -> ctx.pipeline().remove(this);
      case ClientHello.Result.Tls hello when guard.serverName().equals(hello.serverName()) ->
          terminate(ctx, in);
      case ClientHello.Result.Tls foreign -> refuse(ctx, in);
      case ClientHello.Result.Oversized oversized -> refuse(ctx, in);
    }
  }

  private void terminate(ChannelHandlerContext ctx, ByteBuf in) {
    SslHandler tls;
    try {
      tls = guard.newTls(ctx.alloc());
    } catch (SSLException | RuntimeException e) {
      // There is no certificate yet.
      log.debug("admin connection of {}", ctx.channel().remoteAddress(), e);
      refuse(ctx, in);
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

package io.signetmesh.proxy.inbound;

import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.handler.ssl.SslHandler;
import io.netty.handler.ssl.SslHandshakeCompletionEvent;
import io.signetmesh.identity.pki.NegotiatedGroup;
import io.signetmesh.proxy.connect.HeldReads;
import java.util.function.Consumer;

/** Terminates mesh TLS. Its time is limited by the handler. */
final class Handshake implements ConnectionState {
  private final Channel channel;
  private final SslHandler tls;
  private final HeldReads encrypted;
  private final HeldReads decrypted;
  private final Runnable established;
  private final Consumer<Throwable> failed;
  private boolean left;

  /**
   * @param encrypted holds the ClientHello, which is handed on
   * @param decrypted will hold what the client sends inside
   */
  Handshake(
      Channel channel,
      SslHandler tls,
      HeldReads encrypted,
      HeldReads decrypted,
      Runnable established,
      Consumer<Throwable> failed) {
    this.channel = channel;
    this.tls = tls;
    this.encrypted = encrypted;
    this.decrypted = decrypted;
    this.established = established;
    this.failed = failed;
  }

  @Override
  public void enter() {
    channel.pipeline().addLast("tls-group", NegotiatedGroup.onServer());
    channel.pipeline().addLast("tls", tls);
    channel.pipeline().addLast("tls-done", new Done());
    channel.pipeline().addLast("held-tls", decrypted);
    channel.config().setAutoRead(true);
    encrypted.release();
  }

  @Override
  public void leave() {
    left = true;
  }

  private final class Done extends ChannelInboundHandlerAdapter {
    @Override
    public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
      if (event instanceof SslHandshakeCompletionEvent done && !left) {
        if (done.isSuccess()) {
          ctx.pipeline().remove(this);
          channel.config().setAutoRead(false);
          established.run();
        } else {
          failed.accept(done.cause());
        }
      }
      ctx.fireUserEventTriggered(event);
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
      ctx.close();
    }
  }
}

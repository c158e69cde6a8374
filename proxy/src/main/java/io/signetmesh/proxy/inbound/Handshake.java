package io.signetmesh.proxy.inbound;

import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.handler.ssl.SslHandler;
import io.netty.handler.ssl.SslHandshakeCompletionEvent;
import io.signetmesh.identity.pki.Credentials;
import io.signetmesh.identity.pki.LiveSslContext;
import io.signetmesh.identity.pki.NegotiatedGroup;
import io.signetmesh.proxy.connect.HeldReads;
import io.signetmesh.proxy.loop.LoopTurns;
import java.nio.channels.ClosedChannelException;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import javax.net.ssl.SSLException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Terminates mesh TLS. Its time is limited by the handler. */
final class Handshake implements ConnectionState {
  private static final Logger log = LoggerFactory.getLogger(Handshake.class);

  private final Channel channel;
  private final LoopTurns turns;
  private final LiveSslContext<Credentials> context;
  private final Duration timeout;
  private final HeldReads encrypted;
  private final HeldReads decrypted;
  private final Consumer<SslHandler> established;
  private final Consumer<Throwable> failed;
  private boolean left;

  /**
   * @param turns when handshakes begin: a flood of them leaves the loop to others in between
   * @param timeout longest handshake, with the wait for its turn
   * @param encrypted holds the ClientHello, which is handed on
   * @param decrypted will hold what the client sends inside
   * @param established gets the handler of the session; auto-read is off then
   */
  Handshake(
      Channel channel,
      LoopTurns turns,
      LiveSslContext<Credentials> context,
      Duration timeout,
      HeldReads encrypted,
      HeldReads decrypted,
      Consumer<SslHandler> established,
      Consumer<Throwable> failed) {
    this.channel = channel;
    this.turns = turns;
    this.context = context;
    this.timeout = timeout;
    this.encrypted = encrypted;
    this.decrypted = decrypted;
    this.established = established;
    this.failed = failed;
  }

  @Override
  public void enter() {
    long begun = System.nanoTime();
    turns.execute(() -> begin(begun));
  }

  private void begin(long asked) {
    if (left || !channel.isActive()) {
      return;
    }
    long rest = timeout.toMillis() - TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - asked);
    if (rest <= 0) {
      failed.accept(new TimeoutException("handshakes of others took the time"));
      return;
    }
    SslHandler tls;
    try {
      tls = context.newHandler(channel.alloc());
    } catch (SSLException e) {
      log.error("no TLS context for a connection from {}", channel.remoteAddress(), e);
      failed.accept(e);
      return;
    }
    tls.setHandshakeTimeoutMillis(rest);
    channel.pipeline().addLast("tls-group", NegotiatedGroup.onServer());
    channel.pipeline().addLast("tls", tls);
    channel.pipeline().addLast("tls-done", new Done(tls));
    channel.pipeline().addLast("held-tls", decrypted);
    channel.config().setAutoRead(true);
    encrypted.release();
  }

  @Override
  public void leave() {
    left = true;
  }

  /**
   * Why a handshake failed, for records: TLS wraps what was found wrong with a certificate in what
   * says nothing.
   */
  static String reason(Throwable cause) {
    Throwable found = cause;
    for (int i = 0; i < 8 && found.getCause() != null; i++) {
      found = found.getCause();
    }
    if (found instanceof ClosedChannelException) {
      return "the client closed the connection";
    }
    String message = found.getMessage();
    return message == null ? found.getClass().getSimpleName() : message;
  }

  private final class Done extends ChannelInboundHandlerAdapter {
    private final SslHandler tls;

    Done(SslHandler tls) {
      this.tls = tls;
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
      if (event instanceof SslHandshakeCompletionEvent done && !left) {
        if (done.isSuccess()) {
          ctx.pipeline().remove(this);
          channel.config().setAutoRead(false);
          established.accept(tls);
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

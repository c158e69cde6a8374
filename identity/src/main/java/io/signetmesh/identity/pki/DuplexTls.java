package io.signetmesh.identity.pki;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.Unpooled;
import io.netty.channel.AbstractCoalescingBufferQueue;
import io.netty.channel.Channel;
import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPipeline;
import io.netty.channel.ChannelPromise;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.channel.socket.ChannelInputShutdownReadComplete;
import io.netty.channel.socket.DuplexChannel;
import io.netty.handler.codec.UnsupportedMessageTypeException;
import io.netty.handler.ssl.ReferenceCountedOpenSslEngine;
import io.netty.handler.ssl.SslCloseCompletionEvent;
import io.netty.handler.ssl.SslHandler;
import io.netty.internal.tcnative.SSL;
import io.netty.util.ReferenceCountUtil;
import io.netty.util.concurrent.ScheduledFuture;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLEngineResult;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;

/**
 * The records of a TLS 1.3 connection once its handshake is done. Takes the place of Netty's {@link
 * SslHandler}, whose engine ends both directions as soon as either ends.
 *
 * <p>Here each direction ends on its own (RFC 8446 section 6.1):
 *
 * <ul>
 *   <li>a close_notify of the peer is a {@link ChannelInputShutdownEvent}; writing goes on;
 *   <li>{@link #endOutput} sends close_notify and then the FIN; reading goes on;
 *   <li>an end of the connection without close_notify is a {@link TruncatedException}, after the
 *       bytes that came before it and never instead of them;
 *   <li>{@link #abort} closes without close_notify, {@code close} with it.
 * </ul>
 *
 * <p>Confined to the loop of its channel.
 *
 * <p>Longer than 500 lines: both directions share one engine, and each event is decided by the
 * state of both.
 */
public final class DuplexTls extends ChannelDuplexHandler {
  /** Plaintext bytes of one record, RFC 8446 section 5.1. */
  private static final int MAX_PLAINTEXT = 16 * 1024;

  /** Plaintext bytes that are encrypted into one buffer at most. */
  private static final int MAX_BATCH = 4 * MAX_PLAINTEXT;

  /** Room for what BoringSSL writes on its own account: alerts, answers to a KeyUpdate. */
  private static final int OWN_RECORDS = 4096;

  /** Limit for the write of a close_notify before the connection is closed without it, seconds. */
  private static final int CLOSE_SECONDS = 3;

  private final HandshakeHandler handshake;
  private final ReferenceCountedOpenSslEngine engine;
  private final long ssl;
  private final long bio;
  private final int overhead;
  private final Queue queue;
  private @Nullable ChannelHandlerContext context;
  private boolean released;
  private boolean inputEnded;
  private boolean broken;
  private boolean failed;
  private @Nullable ChannelPromise notified;
  private boolean closing;

  /**
   * The connection ended without close_notify. The peer or somebody in the network cut it, for
   * example with a spoofed FIN: data may be missing (RFC 8446 section 6.1).
   */
  public static final class TruncatedException extends SSLException {
    private static final long serialVersionUID = 1L;

    TruncatedException() {
      super("the peer ended the connection without close_notify");
    }

    @Override
    public Throwable fillInStackTrace() {
      return this;
    }
  }

  private DuplexTls(
      HandshakeHandler handshake, ReferenceCountedOpenSslEngine engine, long ssl, Channel channel) {
    this.handshake = handshake;
    this.engine = engine;
    this.ssl = ssl;
    this.bio = SSL.bioNewByteBuffer(ssl, OWN_RECORDS);
    this.overhead = SSL.getMaxWrapOverhead(ssl);
    this.queue = new Queue(channel);
  }

  /**
   * Replaces an {@link SslHandler} whose handshake has just succeeded. Call it on the channel's
   * event loop, in the callback that reports the success. Bytes that the peer sent behind its
   * handshake go to the new handler.
   *
   * @param handler in the channel's pipeline, made by a {@link LiveSslContext}
   */
  @SuppressWarnings("deprecation") // the one way to reach the session of a single engine
  public static DuplexTls takeOver(Channel channel, SslHandler handler) throws SSLException {
    HandshakeHandler handshake = (HandshakeHandler) handler;
    ReferenceCountedOpenSslEngine engine = (ReferenceCountedOpenSslEngine) handler.engine();
    ChannelPipeline pipeline = channel.pipeline();
    ChannelHandlerContext ctx = pipeline.context(handler);
    long ssl = engine.sslPointer();
    if (ctx == null || ssl == 0) {
      throw new SSLException("the TLS session is closed already");
    }
    // The engine writes through a BIO of its own: nothing may be left in it.
    drain(engine, ctx);
    if (engine.sslPointer() != ssl) {
      // An engine that finds the session at its end while it writes frees it.
      throw new SSLException("the peer closed the TLS session with its handshake");
    }
    engine.retain();
    DuplexTls taken;
    try {
      taken = new DuplexTls(handshake, engine, ssl, channel);
    } catch (RuntimeException e) {
      engine.release();
      throw e;
    }
    pipeline.addAfter(ctx.name(), ctx.name() + "-records", taken);
    pipeline.remove(handler);
    channel.pipeline().context(taken).flush();
    return taken;
  }

  private static void drain(ReferenceCountedOpenSslEngine engine, ChannelHandlerContext ctx)
      throws SSLException {
    ByteBuffer nothing = ByteBuffer.allocate(0);
    while (true) {
      ByteBuf out = ctx.alloc().directBuffer(OWN_RECORDS);
      SSLEngineResult result;
      try {
        result = engine.wrap(nothing, out.internalNioBuffer(0, OWN_RECORDS));
      } catch (SSLException e) {
        out.release();
        throw e;
      }
      if (result.bytesProduced() == 0) {
        out.release();
        return;
      }
      out.writerIndex(result.bytesProduced());
      ctx.write(out, ctx.voidPromise());
    }
  }

  /** The handler of a connection; null when it does not use TLS or its handshake is not done. */
  public static @Nullable DuplexTls of(Channel channel) {
    return channel.pipeline().get(DuplexTls.class);
  }

  /**
   * Ends the output direction after everything written so far: close_notify, then the FIN. The
   * input direction stays open.
   */
  public void endOutput() {
    ChannelHandlerContext ctx = context();
    if (released || closing || notified != null) {
      return;
    }
    sendNotify(ctx)
        .addListener(
            done -> {
              if (done.isSuccess()
                  && ctx.channel() instanceof DuplexChannel duplex
                  && duplex.isActive()) {
                duplex.shutdownOutput();
              }
            });
  }

  /** Closes the connection without close_notify: the peer sees a truncated connection. */
  public void abort() {
    closing = true;
    context().close();
  }

  // ---- lifecycle

  @Override
  public void handlerAdded(ChannelHandlerContext ctx) {
    context = ctx;
  }

  @Override
  public void handlerRemoved(ChannelHandlerContext ctx) {
    release(ctx);
  }

  private void release(ChannelHandlerContext ctx) {
    if (!released) {
      released = true;
      engine.release();
      queue.releaseAndFailAll(ctx, new ClosedChannelException());
    }
  }

  @Override
  public void channelInactive(ChannelHandlerContext ctx) {
    truncated(ctx);
    release(ctx);
    ctx.fireChannelInactive();
  }

  /** The input has ended without close_notify, or behind an error that has been told. */
  private void truncated(ChannelHandlerContext ctx) {
    if (inputEnded || closing) {
      return;
    }
    if (!failed) {
      failed = true;
      ctx.fireExceptionCaught(new TruncatedException());
    }
    ctx.fireUserEventTriggered(ChannelInputShutdownReadComplete.INSTANCE);
  }

  // ---- reading

  @Override
  public void channelRead(ChannelHandlerContext ctx, Object message) throws SSLException {
    if (!(message instanceof ByteBuf encrypted) || handshake.decoding()) {
      // Or the end of the handshake has brought plaintext with it.
      ctx.fireChannelRead(message);
      return;
    }
    ByteBuf direct = encrypted;
    try {
      if (!encrypted.hasMemoryAddress()) {
        direct = ctx.alloc().directBuffer(encrypted.readableBytes()).writeBytes(encrypted);
      }
      decrypt(ctx, direct);
    } finally {
      if (direct != encrypted) {
        direct.release();
      }
      encrypted.release();
    }
  }

  /** Decrypts a buffer to its end; what is not a whole record yet stays in BoringSSL. */
  private void decrypt(ChannelHandlerContext ctx, ByteBuf encrypted) throws SSLException {
    boolean more = true;
    while (more && !released && !inputEnded && !broken) {
      int size = Math.max(encrypted.readableBytes(), Math.max(SSL.sslPending(ssl), 64));
      ByteBuf out = ctx.alloc().directBuffer(Math.min(size, MAX_BATCH));
      int result = 1;
      boolean failedToRead = true;
      try {
        int before = encrypted.readableBytes();
        if (before > 0) {
          SSL.bioSetByteBuffer(
              bio, encrypted.memoryAddress() + encrypted.readerIndex(), before, false);
        }
        while (out.isWritable()) {
          result =
              SSL.readFromSSL(ssl, out.memoryAddress() + out.writerIndex(), out.writableBytes());
          if (result <= 0) {
            break;
          }
          out.writerIndex(out.writerIndex() + result);
        }
        if (before > 0) {
          encrypted.skipBytes(before - SSL.bioLengthByteBuffer(bio));
        }
        failedToRead = false;
      } finally {
        SSL.bioClearByteBuffer(bio);
        if (failedToRead) {
          out.release();
        }
      }
      // Asked before handlers run: what they do may call BoringSSL, which forgets the error.
      int error = result > 0 ? SSL.SSL_ERROR_NONE : SSL.getError(ssl, result);
      String reason = null;
      if (error == SSL.SSL_ERROR_SSL || error == SSL.SSL_ERROR_SYSCALL) {
        reason = SSL.getErrorString(SSL.getLastErrorNumber());
        SSL.clearError();
      }
      if (out.isReadable()) {
        ctx.fireChannelRead(out);
      } else {
        out.release();
      }
      if (released) {
        return;
      }
      boolean answered = flushOwnRecords(ctx);
      if (error == SSL.SSL_ERROR_NONE) {
        more = true;
      } else if (error == SSL.SSL_ERROR_WANT_READ) {
        more = encrypted.isReadable();
      } else if (error == SSL.SSL_ERROR_WANT_WRITE && answered) {
        more = true;
      } else if (error == SSL.SSL_ERROR_ZERO_RETURN) {
        inputEnded = true;
        ctx.fireUserEventTriggered(ChannelInputShutdownEvent.INSTANCE);
      } else {
        broken = true;
        ctx.flush();
        throw new SSLException("TLS record: " + (reason == null ? "error " + error : reason));
      }
    }
  }

  @Override
  public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
    if (event == ChannelInputShutdownEvent.INSTANCE) {
      truncated(ctx);
    } else if (event != ChannelInputShutdownReadComplete.INSTANCE
        && !(event instanceof SslCloseCompletionEvent)) {
      ctx.fireUserEventTriggered(event);
    }
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
    failed = true;
    ctx.fireExceptionCaught(cause);
  }

  // ---- writing

  @Override
  public void write(ChannelHandlerContext ctx, Object message, ChannelPromise promise) {
    if (!(message instanceof ByteBuf bytes)) {
      ReferenceCountUtil.release(message);
      promise.tryFailure(new UnsupportedMessageTypeException(message, ByteBuf.class));
    } else if (released || notified != null || closing) {
      bytes.release();
      promise.tryFailure(new ClosedChannelException());
    } else {
      queue.add(bytes, promise);
    }
  }

  @Override
  public void flush(ChannelHandlerContext ctx) {
    encryptQueued(ctx);
    ctx.flush();
  }

  private void encryptQueued(ChannelHandlerContext ctx) {
    while (!released && !queue.isEmpty()) {
      ChannelPromise promise = ctx.newPromise();
      ByteBuf plain = queue.remove(ctx.alloc(), MAX_BATCH, promise);
      if (plain == null) {
        return;
      }
      if (!plain.isReadable()) {
        plain.release();
        ctx.write(Unpooled.EMPTY_BUFFER, promise);
        continue;
      }
      encrypt(ctx, plain, promise);
    }
  }

  private void encrypt(ChannelHandlerContext ctx, ByteBuf given, ChannelPromise promise) {
    ByteBuf plain = given;
    ByteBuf out = null;
    try {
      if (!given.hasMemoryAddress()) {
        plain = ctx.alloc().directBuffer(given.readableBytes()).writeBytes(given);
      }
      flushOwnRecords(ctx);
      int records = (plain.readableBytes() + MAX_PLAINTEXT - 1) / MAX_PLAINTEXT;
      // One record more, should BoringSSL have one of its own to send first.
      out = ctx.alloc().directBuffer(plain.readableBytes() + (records + 1) * overhead + 64);
      SSL.bioSetByteBuffer(bio, out.memoryAddress(), out.writableBytes(), true);
      try {
        while (plain.isReadable()) {
          int length = Math.min(plain.readableBytes(), MAX_PLAINTEXT);
          int written = SSL.writeToSSL(ssl, plain.memoryAddress() + plain.readerIndex(), length);
          if (written <= 0) {
            int error = SSL.getError(ssl, written);
            String reason = SSL.getErrorString(SSL.getLastErrorNumber());
            SSL.clearError();
            throw new SSLException("cannot encrypt, error " + error + ": " + reason);
          }
          plain.skipBytes(written);
        }
        out.writerIndex(out.writableBytes() - SSL.bioLengthByteBuffer(bio));
      } finally {
        SSL.bioClearByteBuffer(bio);
      }
      ByteBuf encrypted = out;
      out = null;
      ctx.write(encrypted, promise).addListener(done -> written(ctx, done.cause()));
    } catch (SSLException e) {
      // The stream of records is broken: nothing more can be said on it.
      broken = true;
      failed = true;
      closing = true;
      promise.tryFailure(e);
      queue.releaseAndFailAll(ctx, e);
      ctx.fireExceptionCaught(e);
      ctx.close();
    } finally {
      if (out != null) {
        out.release();
      }
      if (plain != given) {
        plain.release();
      }
      given.release();
    }
  }

  /** Who writes without a promise hears of it all the same. */
  private void written(ChannelHandlerContext ctx, @Nullable Throwable cause) {
    if (cause != null && !failed && !closing && !released) {
      exceptionCaught(ctx, cause);
    }
  }

  /** Writes what BoringSSL has to send on its own account; false when there is nothing. */
  private boolean flushOwnRecords(ChannelHandlerContext ctx) {
    return flushOwnRecords(ctx, ctx.voidPromise());
  }

  private boolean flushOwnRecords(ChannelHandlerContext ctx, ChannelPromise promise) {
    int waiting = SSL.bioLengthNonApplication(bio);
    if (waiting == 0) {
      return false;
    }
    ByteBuf out = ctx.alloc().directBuffer(waiting);
    SSL.bioSetByteBuffer(bio, out.memoryAddress(), waiting, true);
    try {
      out.writerIndex(SSL.bioFlushByteBuffer(bio));
    } finally {
      SSL.bioClearByteBuffer(bio);
    }
    ctx.write(out, promise);
    return true;
  }

  private ChannelPromise sendNotify(ChannelHandlerContext ctx) {
    ChannelPromise sent = ctx.newPromise();
    encryptQueued(ctx);
    notified = sent;
    if (released || closing) {
      sent.tryFailure(new ClosedChannelException());
      return sent;
    }
    if (SSL.shutdownSSL(ssl) < 0) {
      SSL.clearError();
    }
    if (!flushOwnRecords(ctx, sent)) {
      sent.tryFailure(new SSLException("BoringSSL made no close_notify"));
    }
    ctx.flush();
    return sent;
  }

  @Override
  public void close(ChannelHandlerContext ctx, ChannelPromise promise) {
    if (released || closing || failed || !ctx.channel().isActive()) {
      closing = true;
      ctx.close(promise);
      return;
    }
    ChannelPromise sent = notified;
    if (sent == null) {
      sent = sendNotify(ctx);
    }
    closing = true;
    ScheduledFuture<?> timer =
        ctx.executor().schedule(() -> ctx.close(promise), CLOSE_SECONDS, TimeUnit.SECONDS);
    sent.addListener(
        done -> {
          if (timer.cancel(false)) {
            ctx.close(promise);
          }
        });
  }

  @Override
  public void disconnect(ChannelHandlerContext ctx, ChannelPromise promise) {
    close(ctx, promise);
  }

  private ChannelHandlerContext context() {
    ChannelHandlerContext ctx = context;
    if (ctx == null) {
      throw new IllegalStateException("not in a pipeline");
    }
    return ctx;
  }

  /** Plaintext that waits for a flush; small writes are gathered into one record. */
  private static final class Queue extends AbstractCoalescingBufferQueue {
    Queue(Channel channel) {
      super(channel, 16);
    }

    @Override
    protected ByteBuf composeFirst(ByteBufAllocator allocator, ByteBuf first, int bufferSize) {
      ByteBuf gathered = allocator.directBuffer(bufferSize);
      gathered.writeBytes(first);
      first.release();
      return gathered;
    }

    @Override
    protected ByteBuf compose(ByteBufAllocator allocator, ByteBuf gathered, ByteBuf next) {
      gathered.writeBytes(next);
      next.release();
      return gathered;
    }

    @Override
    @SuppressWarnings("NullAway") // an empty queue has nothing to give, as in Netty's own
    protected ByteBuf removeEmptyValue() {
      return null;
    }
  }
}

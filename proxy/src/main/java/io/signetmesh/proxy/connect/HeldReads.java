package io.signetmesh.proxy.connect;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.handler.codec.ByteToMessageDecoder;
import io.netty.util.ReferenceCountUtil;
import io.netty.util.concurrent.ScheduledFuture;
import io.signetmesh.proxy.memory.BufferHolder;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Keeps the input of a connection until the handlers that need it are in the pipeline: bytes and
 * the end of input, both of which can arrive while auto-read is off. The bytes can be inspected
 * meanwhile. Confined to the channel's loop.
 *
 * <p>Bytes that arrived before a cut are kept, too. A handler that takes over an inactive
 * connection receives them.
 */
public final class HeldReads extends ChannelInboundHandlerAdapter implements BufferHolder {
  private @Nullable ChannelHandlerContext context;
  private ByteBuf held = Unpooled.EMPTY_BUFFER;
  private boolean inputEnded;
  private boolean released;
  private @Nullable Inspection<?> inspection;

  /**
   * Inspects the bytes held.
   *
   * @param <R> what may be found
   */
  @FunctionalInterface
  public interface Inspector<R> {
    /**
     * What the bytes show, or null when it takes more to know. Bytes that are read ({@code
     * readerIndex}) are consumed.
     */
    @Nullable R inspect(ByteBuf bytes);
  }

  /** One look at the bytes, which lasts until it is certain what they are. */
  private final class Inspection<R> {
    private final Inspector<R> inspector;
    private final Consumer<R> found;
    private final Runnable undecided;
    private @Nullable ScheduledFuture<?> timer;

    Inspection(Inspector<R> inspector, Consumer<R> found, Runnable undecided) {
      this.inspector = inspector;
      this.found = found;
      this.undecided = undecided;
    }

    void look() {
      R result = held.isReadable() ? inspector.inspect(held) : null;
      if (result != null) {
        end();
        found.accept(result);
      } else if (inputEnded) {
        giveUp();
      }
    }

    void giveUp() {
      end();
      undecided.run();
    }

    void end() {
      inspection = null;
      ScheduledFuture<?> pending = timer;
      if (pending != null) {
        pending.cancel(false);
      }
      autoRead(false);
    }
  }

  /**
   * Reads until the inspector returns a result, then stops reading.
   *
   * @param timeout longest wait for a result
   * @param found gets the result
   * @param undecided runs when the timeout or the end of input comes before a result
   */
  public <R> void inspect(
      Duration timeout, Inspector<R> inspector, Consumer<R> found, Runnable undecided) {
    if (inspection != null || released) {
      throw new IllegalStateException("bytes are inspected already, or not held any more");
    }
    Inspection<R> begun = new Inspection<>(inspector, found, undecided);
    inspection = begun;
    ChannelHandlerContext ctx = context();
    begun.timer = ctx.executor().schedule(begun::giveUp, timeout.toMillis(), TimeUnit.MILLISECONDS);
    autoRead(true);
    if (held.isReadable() || inputEnded) {
      begun.look();
    }
  }

  /**
   * Ends an inspection, if one is active. The bytes stay held. Neither callback runs afterwards.
   */
  public void stop() {
    Inspection<?> running = inspection;
    if (running != null) {
      running.end();
    }
  }

  /** Number of bytes held. */
  public int size() {
    return held.readableBytes();
  }

  @Override
  public long heldBytes() {
    return held.capacity();
  }

  /** Passes everything held to the next handlers and removes this one from the pipeline. */
  public void release() {
    if (released) {
      return;
    }
    ChannelHandlerContext ctx = context();
    released = true;
    ByteBuf bytes = held;
    held = Unpooled.EMPTY_BUFFER;
    boolean readable = bytes.isReadable();
    if (ctx.isRemoved()) {
      // The connection is gone, and this handler with it; its successors are new in the pipeline.
      if (readable) {
        ctx.pipeline().fireChannelRead(bytes);
        ctx.pipeline().fireChannelReadComplete();
      } else {
        bytes.release();
      }
      return;
    }
    if (readable) {
      ctx.fireChannelRead(bytes);
    } else {
      bytes.release();
    }
    if (inputEnded) {
      ctx.fireUserEventTriggered(ChannelInputShutdownEvent.INSTANCE);
    }
    if (readable || inputEnded) {
      ctx.fireChannelReadComplete();
    }
    if (!ctx.isRemoved()) {
      ctx.pipeline().remove(this);
    }
  }

  private void autoRead(boolean on) {
    Channel channel = context().channel();
    if (channel.isOpen()) {
      channel.config().setAutoRead(on);
    }
  }

  @Override
  public void handlerAdded(ChannelHandlerContext ctx) {
    context = ctx;
    // Remembered by the channel, for when it is gone before its bytes are served.
    ctx.channel().localAddress();
    ctx.channel().remoteAddress();
  }

  @Override
  public void handlerRemoved(ChannelHandlerContext ctx) {
    if (ctx.channel().isOpen()) {
      drop();
    } else {
      keep();
    }
  }

  @Override
  public void channelRead(ChannelHandlerContext ctx, Object message) {
    if (released) {
      ctx.fireChannelRead(message);
    } else if (message instanceof ByteBuf bytes) {
      held = ByteToMessageDecoder.MERGE_CUMULATOR.cumulate(ctx.alloc(), held, bytes);
      Inspection<?> waiting = inspection;
      if (waiting != null) {
        waiting.look();
      }
    } else {
      ReferenceCountUtil.release(message);
    }
  }

  @Override
  public void channelReadComplete(ChannelHandlerContext ctx) {
    if (released) {
      ctx.fireChannelReadComplete();
    }
  }

  @Override
  public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
    if (event == ChannelInputShutdownEvent.INSTANCE && !released) {
      inputEnded = true;
      Inspection<?> waiting = inspection;
      if (waiting != null) {
        waiting.look();
      }
    } else {
      ctx.fireUserEventTriggered(event);
    }
  }

  /** A cut. Whoever waits for bytes gets those that came before it; the caller closes. */
  @Override
  public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
    if (released) {
      ctx.fireExceptionCaught(cause);
    } else {
      ctx.close();
    }
  }

  @Override
  public void channelInactive(ChannelHandlerContext ctx) {
    inputEnded |= !released;
    keep();
    Inspection<?> waiting = inspection;
    if (waiting != null) {
      if (held.isReadable()) {
        waiting.look();
      } else {
        waiting.end();
      }
    }
    ctx.fireChannelInactive();
  }

  /** Keeps the bytes of a connection that is gone where nobody need release them. */
  private void keep() {
    if (held.isDirect()) {
      // Also where all of it has been read, as with a header that was the last to come.
      ByteBuf bytes = held;
      held =
          bytes.isReadable()
              ? Unpooled.wrappedBuffer(ByteBufUtil.getBytes(bytes))
              : Unpooled.EMPTY_BUFFER;
      bytes.release();
    }
  }

  private void drop() {
    if (!released) {
      held.release();
      held = Unpooled.EMPTY_BUFFER;
    }
  }

  private ChannelHandlerContext context() {
    ChannelHandlerContext ctx = context;
    if (ctx == null) {
      throw new IllegalStateException("not in a pipeline");
    }
    return ctx;
  }
}

package io.signetmesh.proxy.http.h2;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPromise;
import io.netty.handler.codec.http2.Http2FrameTypes;
import io.netty.handler.codec.http2.Http2RemoteFlowController.FlowControlled;
import io.netty.handler.codec.http2.Http2Stream;
import org.jspecify.annotations.Nullable;

/**
 * Bytes of a stream on their way out, subject to flow control, as DATA frames (RFC 9113 6.1). A
 * short frame is copied behind its header, so that it is one buffer and one write; Netty's own
 * encoder makes two of each, with a queue and a promise to join them. Confined to its loop.
 */
final class OutgoingData implements FlowControlled {
  private static final int HEADER_BYTES = 9;
  private static final byte END_STREAM = 0x1;

  /** Up to this size copying is cheaper than a second buffer. */
  private static final int COPIED_BYTES = 1024;

  private final Http2Link<?> handler;
  private final Http2Link.Flow flow;
  private final Http2Stream stream;
  private final boolean end;
  private final QueuedBytes queued;
  private @Nullable ByteBuf data;
  private @Nullable ChannelPromise written;
  private int remaining;

  /**
   * @param data payload; owned by this object from here on
   * @param end whether the stream ends with it
   */
  OutgoingData(Http2Link<?> handler, Http2Link.Flow flow, ByteBuf data, boolean end) {
    this.handler = handler;
    this.flow = flow;
    this.stream = flow.stream;
    this.data = data;
    this.end = end;
    this.remaining = data.readableBytes();
    this.queued = flow.queued;
    queued.add(remaining);
  }

  @Override
  public int size() {
    return remaining;
  }

  @Override
  public void write(ChannelHandlerContext ctx, int allowedBytes) {
    int allowed = Math.min(remaining, allowedBytes);
    if (allowed == 0 && (remaining > 0 || !end)) {
      return;
    }
    handler.sent(flow, allowed);
    int largest = handler.encoder().configuration().frameSizePolicy().maxFrameSize();
    do {
      int length = Math.min(allowed, largest);
      allowed -= length;
      remaining -= length;
      queued.add(-length);
      frame(ctx, length, end && remaining == 0);
    } while (allowed > 0);
  }

  private void frame(ChannelHandlerContext ctx, int length, boolean last) {
    ByteBuf payload = payload();
    ChannelPromise promise = last ? ctx.newPromise() : ctx.voidPromise();
    if (last) {
      written = promise;
    }
    boolean copied = length <= COPIED_BYTES;
    ByteBuf out = ctx.alloc().directBuffer(copied ? HEADER_BYTES + length : HEADER_BYTES);
    out.writeMedium(length);
    out.writeByte(Http2FrameTypes.DATA);
    out.writeByte(last ? END_STREAM : 0);
    out.writeInt(stream.id());
    if (copied) {
      out.writeBytes(payload, length);
      ctx.write(out, promise);
    } else {
      ctx.write(out, ctx.voidPromise());
      ctx.write(payload.readRetainedSlice(length), promise);
    }
    if (remaining == 0) {
      release();
    }
  }

  private ByteBuf payload() {
    ByteBuf payload = data;
    if (payload == null) {
      throw new IllegalStateException("DATA of stream " + stream.id() + " was written already");
    }
    return payload;
  }

  private void release() {
    ByteBuf payload = data;
    data = null;
    if (payload != null) {
      payload.release();
    }
  }

  @Override
  public void writeComplete() {
    release();
    ChannelPromise promise = written;
    if (promise != null) {
      handler.closeStreamLocal(stream, promise);
    }
  }

  @Override
  public void error(ChannelHandlerContext ctx, Throwable cause) {
    queued.add(-remaining);
    remaining = 0;
    release();
    handler.onError(ctx, true, cause);
  }

  @Override
  public boolean merge(ChannelHandlerContext ctx, FlowControlled next) {
    return false;
  }
}

package io.signetmesh.proxy.http.h2;

import static io.netty.handler.codec.http2.Http2Error.ENHANCE_YOUR_CALM;
import static io.netty.handler.codec.http2.Http2Error.FRAME_SIZE_ERROR;
import static io.netty.handler.codec.http2.Http2Error.PROTOCOL_ERROR;
import static io.netty.handler.codec.http2.Http2Error.STREAM_CLOSED;
import static io.netty.handler.codec.http2.Http2Exception.connectionError;
import static io.netty.handler.codec.http2.Http2Exception.streamError;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.http2.DefaultHttp2FrameReader;
import io.netty.handler.codec.http2.Http2Connection;
import io.netty.handler.codec.http2.Http2Exception;
import io.netty.handler.codec.http2.Http2Flags;
import io.netty.handler.codec.http2.Http2FrameListener;
import io.netty.handler.codec.http2.Http2FrameReader;
import io.netty.handler.codec.http2.Http2FrameTypes;
import io.netty.handler.codec.http2.Http2Headers;
import io.netty.handler.codec.http2.Http2LocalFlowController;
import io.netty.handler.codec.http2.Http2Stream;
import io.signetmesh.proxy.http.exchange.ClientAccount;
import io.signetmesh.proxy.http.exchange.HeaderNames;
import org.jspecify.annotations.Nullable;

/**
 * Reads the frames of one connection. Field blocks are read here, so that one that is too large or
 * malformed costs its stream alone ({@link FieldBlock}), and so that HEADERS on a stream that is
 * closed, or was never opened, are told apart (RFC 9113 5.1); all other frames are Netty's.
 * Confined to its loop.
 */
final class Http2Reader implements Http2FrameReader {
  private static final int HEADER_BYTES = 9;

  /** CONTINUATION frames that a block may have for each full one that its limit would need. */
  private static final int MAX_SMALL_FRAGMENTS = 64;

  /** Window increments below this are of little use, bytes. */
  private static final int TINY_WINDOW = 64;

  /** What a head may have beside what it has on the wire: a dynamic table (RFC 7541), bytes. */
  private static final int COMPRESSED_BYTES = 4096;

  /** How much longer than on the wire a head may be otherwise: Huffman codes and static fields. */
  private static final int COMPRESSION_RATIO = 16;

  /** Bytes of a field block that is discarded that count once. */
  private static final int DISCARDED_BYTES = 256;

  /** Bytes of a head, beyond what is usual, that count once. */
  private static final int EXPANDED_BYTES = 64;

  /** How often each field counts that is more than a head may have. */
  private static final int EXCESS_FIELD = 2;

  /** A fragment below this counts as small, bytes. */
  private static final int SMALL_FRAGMENT = 4096;

  private final Http2Connection connection;
  private final DefaultHttp2FrameReader frames;
  private final FieldBlock block;
  private final Costs costs;
  private final ClosedStreams closed = new ClosedStreams();
  private boolean failed;

  /** Is told of work without use. */
  @FunctionalInterface
  interface Costs {
    void add(ClientAccount.Waste what, int times);
  }

  // Of the block that is being read.
  private boolean endStream;
  private boolean dependsOnItself;
  private int smallFragments;
  private int blockBytes;

  /**
   * @param maxHeadBytes longest list of fields that is accepted, in the measure of
   *     SETTINGS_MAX_HEADER_LIST_SIZE (RFC 9113 6.5.2)
   */
  Http2Reader(Http2Connection connection, int maxHeadBytes, Costs costs) {
    this.connection = connection;
    this.costs = costs;
    this.block = new FieldBlock(maxHeadBytes);
    this.frames = new DefaultHttp2FrameReader(block.decoder());
  }

  /** What is known of the head that was read last; of one that is too large, its beginning. */
  @Nullable Http2Headers lastHead() {
    return block.beginning();
  }

  /** Bytes of a head whose end is still to come. */
  int heldBytes() {
    return block.heldBytes();
  }

  /** Notes that we reset a stream. */
  void reset(int streamId) {
    closed.reset(streamId);
  }

  /** Reads nothing more. */
  void stop() {
    failed = true;
  }

  @Override
  public void readFrame(ChannelHandlerContext ctx, ByteBuf input, Http2FrameListener listener)
      throws Http2Exception {
    boolean intact = false;
    try {
      boolean more = true;
      while (more && !failed && input.isReadable()) {
        more = frame(ctx, input, listener);
      }
      if (failed) {
        input.skipBytes(input.readableBytes());
      }
      intact = true;
    } catch (Http2Exception e) {
      intact = Http2Exception.isStreamError(e);
      throw e;
    } finally {
      failed |= !intact;
    }
  }

  /** Reads one frame; false: it is incomplete. */
  private boolean frame(ChannelHandlerContext ctx, ByteBuf input, Http2FrameListener listener)
      throws Http2Exception {
    if (input.readableBytes() < HEADER_BYTES) {
      return false;
    }
    int at = input.readerIndex();
    int length = input.getUnsignedMedium(at);
    if (length > frames.maxFrameSize()) {
      throw connectionError(
          FRAME_SIZE_ERROR,
          "frame of %d bytes, expected at most %d",
          length,
          frames.maxFrameSize());
    }
    if (input.readableBytes() < HEADER_BYTES + length) {
      return false;
    }
    byte type = input.getByte(at + 3);
    int streamId = input.getInt(at + 5) & Integer.MAX_VALUE;
    int blockOf = block.streamId();
    if (blockOf != 0 && (type != Http2FrameTypes.CONTINUATION || streamId != blockOf)) {
      throw connectionError(
          PROTOCOL_ERROR,
          "frame of type %d on stream %d within the field block of stream %d",
          type,
          streamId,
          blockOf);
    }
    ByteBuf frame = input.readSlice(HEADER_BYTES + length);
    switch (type) {
      case Http2FrameTypes.HEADERS -> headers(ctx, frame, streamId, listener);
      case Http2FrameTypes.CONTINUATION -> {
        if (blockOf == 0) {
          throw connectionError(PROTOCOL_ERROR, "CONTINUATION without HEADERS before it");
        }
        boolean last = (flags(frame) & Http2Flags.END_HEADERS) != 0;
        fragment(ctx, frame.skipBytes(HEADER_BYTES), last, listener);
      }
      case Http2FrameTypes.PUSH_PROMISE ->
          throw connectionError(PROTOCOL_ERROR, "PUSH_PROMISE, which is not allowed here");
      default -> {
        charge(type, frame);
        if (!isOfRefusedStream(type, streamId)) {
          frames.readFrame(ctx, frame, listener);
        } else {
          passOver(type, streamId, flags(frame), frame.skipBytes(HEADER_BYTES));
        }
      }
    }
    return true;
  }

  /** What floods are made of (RFC 9113 10.5). */
  private void charge(byte type, ByteBuf frame) {
    int length = frame.readableBytes() - HEADER_BYTES;
    switch (type) {
      case Http2FrameTypes.DATA -> {
        if (length == 0 && (flags(frame) & Http2Flags.END_STREAM) == 0) {
          costs.add(ClientAccount.Waste.FRAME, 1);
        }
      }
      case Http2FrameTypes.SETTINGS ->
          // Settings may affect every stream.
          costs.add(ClientAccount.Waste.FRAME, 1 + connection.numActiveStreams() / 8);
      case Http2FrameTypes.WINDOW_UPDATE -> {
        if (length == 4 && frame.getInt(frame.readerIndex() + HEADER_BYTES) < TINY_WINDOW) {
          costs.add(ClientAccount.Waste.FRAME, 1);
        }
      }
      case Http2FrameTypes.RST_STREAM -> {
        // Charged where it is known what it ends.
      }
      default -> costs.add(ClientAccount.Waste.FRAME, 1);
    }
  }

  private static int flags(ByteBuf frame) {
    return frame.getUnsignedByte(frame.readerIndex() + 4);
  }

  private void headers(
      ChannelHandlerContext ctx, ByteBuf frame, int streamId, Http2FrameListener listener)
      throws Http2Exception {
    if (streamId == 0) {
      throw connectionError(PROTOCOL_ERROR, "HEADERS on stream 0");
    }
    int flags = flags(frame);
    boolean endHeaders = (flags & Http2Flags.END_HEADERS) != 0;
    frame.skipBytes(HEADER_BYTES);
    boolean padded = (flags & Http2Flags.PADDED) != 0;
    boolean priority = (flags & Http2Flags.PRIORITY) != 0;
    if (frame.readableBytes() < (padded ? 1 : 0) + (priority ? 5 : 0)) {
      throw connectionError(FRAME_SIZE_ERROR, "HEADERS of stream %d is too short", streamId);
    }
    int padding = padded ? frame.readUnsignedByte() : 0;
    dependsOnItself = false;
    if (priority) {
      dependsOnItself = (frame.readInt() & Integer.MAX_VALUE) == streamId;
      frame.skipBytes(1);
    }
    if (frame.readableBytes() < padding) {
      throw connectionError(PROTOCOL_ERROR, "HEADERS of stream %d has too much padding", streamId);
    }
    endStream = (flags & Http2Flags.END_STREAM) != 0;
    smallFragments = 0;
    blockBytes = 0;
    block.begin(streamId);
    fragment(ctx, frame.readSlice(frame.readableBytes() - padding), endHeaders, listener);
  }

  private void fragment(
      ChannelHandlerContext ctx, ByteBuf fragment, boolean last, Http2FrameListener listener)
      throws Http2Exception {
    int bytes = fragment.readableBytes();
    blockBytes += bytes;
    if (block.isDiscarding()) {
      costs.add(ClientAccount.Waste.FIELDS, 1 + bytes / DISCARDED_BYTES);
      blockBytes = 0;
    }
    if (!last) {
      if (fragment.readableBytes() < SMALL_FRAGMENT && ++smallFragments > MAX_SMALL_FRAGMENTS) {
        throw connectionError(
            ENHANCE_YOUR_CALM,
            "field block of stream %d has more than %d small fragments",
            block.streamId(),
            MAX_SMALL_FRAGMENTS);
      }
      block.add(fragment, ctx.alloc());
      return;
    }
    int streamId = block.streamId();
    Http2Headers headers = null;
    Http2Exception fault = null;
    try {
      headers = block.end(fragment, ctx.alloc());
    } catch (Http2Exception e) {
      if (!Http2Exception.isStreamError(e)) {
        throw e;
      }
      fault = e;
      costs.add(ClientAccount.Waste.FIELDS, EXCESS_FIELD * block.excessFields());
    }
    if (headers != null) {
      chargeExpansion(headers);
    }
    if (failed || !mayHaveHeaders(streamId)) {
      return;
    }
    if (fault == null && dependsOnItself) {
      fault = streamError(streamId, PROTOCOL_ERROR, "stream %d depends on itself", streamId);
    }
    if (fault == null && headers != null) {
      listener.onHeadersRead(ctx, streamId, headers, 0, endStream);
      return;
    }
    if (isNew(streamId)) {
      // A malformed message opens its stream too; what follows on it is not the connection's fault.
      connection.remote().createStream(streamId, endStream);
    }
    if (fault != null) {
      throw fault;
    }
  }

  /** A head that is made of references to the dynamic table costs far more than it took to send. */
  private void chargeExpansion(Http2Headers headers) {
    long excess =
        HeaderNames.listSize(headers) - COMPRESSED_BYTES - (long) COMPRESSION_RATIO * blockBytes;
    if (excess > 0) {
      costs.add(ClientAccount.Waste.FIELDS, (int) (excess / EXPANDED_BYTES));
    }
  }

  private boolean isNew(int streamId) {
    return connection.isServer() && connection.remote().lastStreamCreated() < streamId;
  }

  /**
   * Whether HEADERS may come on a stream (RFC 9113 5.1, 5.1.1).
   *
   * @return false: they are passed over
   */
  private boolean mayHaveHeaders(int streamId) throws Http2Exception {
    Http2Stream stream = connection.stream(streamId);
    if (stream != null) {
      if (stream.isResetSent()) {
        return false;
      }
      if (stream.state() == Http2Stream.State.HALF_CLOSED_REMOTE) {
        throw streamError(streamId, STREAM_CLOSED, "HEADERS on stream %d behind its end", streamId);
      }
      return true;
    }
    if (!connection.isServer()) {
      if (!connection.local().mayHaveCreatedStream(streamId)) {
        throw connectionError(PROTOCOL_ERROR, "HEADERS on stream %d, which is idle", streamId);
      }
      // Of a response that is over, or that nobody waits for any more.
      return false;
    }
    if ((streamId & 1) == 0) {
      throw connectionError(PROTOCOL_ERROR, "a client opens stream %d", streamId);
    }
    if (streamId > closed.last()) {
      closed.opened(streamId);
      return true;
    }
    return switch (closed.end(streamId)) {
      case RESET -> false;
      case SKIPPED ->
          throw connectionError(
              PROTOCOL_ERROR, "stream %d is opened after stream %d", streamId, closed.last());
      case BY_PEER ->
          throw connectionError(STREAM_CLOSED, "HEADERS on stream %d, which is closed", streamId);
      case UNKNOWN ->
          throw streamError(
              streamId, STREAM_CLOSED, "HEADERS on stream %d, which is closed", streamId);
    };
  }

  /**
   * Whether a frame belongs to a request that we refused or reset before its client knew: it is
   * passed over (RFC 9113 5.1), and is not answered with another reset.
   */
  private boolean isOfRefusedStream(byte type, int streamId) {
    return connection.isServer()
        && (type == Http2FrameTypes.DATA
            || type == Http2FrameTypes.RST_STREAM
            || type == Http2FrameTypes.WINDOW_UPDATE)
        && connection.stream(streamId) == null
        && closed.end(streamId) == ClosedStreams.End.RESET;
  }

  /** A frame that has no effect any more is held to its form all the same (RFC 9113 4.2, 6.1). */
  private void passOver(byte type, int streamId, int flags, ByteBuf payload) throws Http2Exception {
    if (type != Http2FrameTypes.DATA) {
      if (payload.readableBytes() != Integer.BYTES) {
        throw connectionError(
            FRAME_SIZE_ERROR,
            "frame of type %d on stream %d has %d bytes, expected 4",
            type,
            streamId,
            payload.readableBytes());
      }
      return;
    }
    // Padding without a length is an error of the stream, which is over.
    if ((flags & Http2Flags.PADDED) != 0
        && payload.isReadable()
        && payload.getUnsignedByte(payload.readerIndex()) >= payload.readableBytes()) {
      throw connectionError(PROTOCOL_ERROR, "DATA of stream %d has too much padding", streamId);
    }
    Http2LocalFlowController window = connection.local().flowController();
    window.receiveFlowControlledFrame(noStream(), payload, 0, false);
  }

  /** The flow controller takes null for a stream that is not there. */
  @SuppressWarnings("NullAway")
  private static Http2Stream noStream() {
    return (@Nullable Http2Stream) null;
  }

  @Override
  public Configuration configuration() {
    return frames.configuration();
  }

  @Override
  public void close() {
    block.close();
    frames.close();
  }
}

package io.signetmesh.proxy.http.h2;

import static io.netty.handler.codec.http2.Http2Error.COMPRESSION_ERROR;
import static io.netty.handler.codec.http2.Http2Error.PROTOCOL_ERROR;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.Unpooled;
import io.netty.handler.codec.http2.DefaultHttp2HeadersDecoder;
import io.netty.handler.codec.http2.Http2Exception;
import io.netty.handler.codec.http2.Http2Headers;
import io.netty.handler.codec.http2.Http2HeadersDecoder;
import org.jspecify.annotations.Nullable;

/**
 * The field block that a peer is sending, from HEADERS to END_HEADERS (RFC 9113 4.3).
 *
 * <p>A block must be decoded to its end whatever becomes of its message, because the peer's encoder
 * and our decoder change their tables by it (RFC 9113 4.3, 10.5.1). A block that is longer than
 * what is kept goes through the decoder piece by piece and is forgotten, so that it costs its
 * stream and not the connection, and no memory. Confined to its loop.
 */
final class FieldBlock {
  /** Largest dynamic table that we allow, bytes (RFC 9113 6.5.2, the default). */
  private static final int TABLE_BYTES = 4096;

  /**
   * Strings longer than this are passed over while a block is discarded. Their decoded form is
   * longer than the dynamic table: the longest Huffman code has 30 bits (RFC 7541 appendix B).
   */
  private static final int LONGEST_STRING = 4 * TABLE_BYTES;

  /** What each field counts for beside its name and value (RFC 9113 6.5.2). */
  private static final int FIELD_BYTES = 32;

  /** A field that does not fit into the dynamic table, which leaves it empty (RFC 7541 4.4). */
  private static final ByteBuf CLEARS_TABLE = clearsTable();

  private final Decoder decoder;
  private final int limit;
  private @Nullable ByteBuf held;
  private int streamId;
  private boolean discarding;
  private int excessFields;

  // State of a block that is discarded.
  private boolean begun;
  private int cursor;
  private int integer;
  private boolean indexed;
  private boolean nameLacks;
  private int passOver;
  private boolean valueFollows;

  /**
   * @param limit longest list of fields that is accepted, in the measure of
   *     SETTINGS_MAX_HEADER_LIST_SIZE (RFC 9113 6.5.2), and longest block, bytes
   */
  FieldBlock(int limit) {
    this.decoder = new Decoder(limit);
    this.limit = limit;
  }

  Http2HeadersDecoder decoder() {
    return decoder;
  }

  /** What is known of the block that was read last; of one that is too large, its beginning. */
  @Nullable Http2Headers beginning() {
    return decoder.first;
  }

  /** The stream whose block is incomplete; 0: none. */
  int streamId() {
    return streamId;
  }

  /** Whether the block is too long already. */
  boolean isDiscarding() {
    return discarding;
  }

  /** Bytes that are kept of an incomplete block. */
  int heldBytes() {
    ByteBuf block = held;
    return block == null ? 0 : block.capacity();
  }

  /**
   * How many fields more the block that was read last has than any within the limit can have: each
   * counts for 32 bytes at least (RFC 9113 6.5.2). Each is decoded all the same, and may take a
   * single byte to send.
   */
  int excessFields() {
    return excessFields;
  }

  void begin(int stream) {
    streamId = stream;
    excessFields = 0;
    decoder.first = null;
    discarding = false;
    begun = false;
    passOver = 0;
    valueFollows = false;
  }

  /** Takes a fragment that is not the last. */
  void add(ByteBuf fragment, ByteBufAllocator allocator) throws Http2Exception {
    ByteBuf before = held;
    if (before == null) {
      before = allocator.buffer(fragment.readableBytes());
      held = before;
    }
    before.writeBytes(fragment);
    if (discarding || before.readableBytes() > limit) {
      discarding = true;
      discard(before);
      if (before.isReadable()) {
        before.discardReadBytes();
      } else {
        close();
      }
    }
  }

  /**
   * Takes the last fragment.
   *
   * @throws Http2Exception of the stream when its fields are malformed or too many; of the
   *     connection when the block cannot be decoded
   */
  Http2Headers end(ByteBuf fragment, ByteBufAllocator allocator) throws Http2Exception {
    int stream = streamId;
    try {
      if (held == null && !discarding && fragment.readableBytes() <= limit) {
        return decodeWhole(stream, fragment);
      }
      add(fragment, allocator);
      ByteBuf block = held;
      if (!discarding && block != null) {
        return decodeWhole(stream, block);
      }
      if (block != null || passOver > 0 || valueFollows) {
        throw Http2Exception.connectionError(
            COMPRESSION_ERROR, "field block of stream %d ends within a field", stream);
      }
      throw tooLarge(stream);
    } finally {
      streamId = 0;
      close();
    }
  }

  private Http2Headers decodeWhole(int stream, ByteBuf block) throws Http2Exception {
    int start = block.readerIndex();
    try {
      return decoder.decodeHeaders(stream, block);
    } catch (Http2Exception e) {
      if (Http2Exception.isStreamError(e)) {
        excessFields = Math.max(0, fields(block, start) - limit / FIELD_BYTES);
      }
      throw e;
    }
  }

  private int fields(ByteBuf block, int start) throws Http2Exception {
    cursor = start;
    begun = false;
    int fields = 0;
    while (cursor < block.writerIndex() && field(block)) {
      fields++;
    }
    return fields;
  }

  private Http2Exception tooLarge(int stream) {
    return Http2Exception.headerListSizeError(
        stream,
        PROTOCOL_ERROR,
        true,
        "field block of stream %d is longer than %d bytes",
        stream,
        limit);
  }

  void close() {
    ByteBuf block = held;
    held = null;
    if (block != null) {
      block.release();
    }
  }

  // ---- discarding

  /** Decodes and forgets what is complete; what is left is less than two of the longest strings. */
  private void discard(ByteBuf in) throws Http2Exception {
    while (in.isReadable()) {
      if (passOver > 0) {
        int passed = Math.min(passOver, in.readableBytes());
        in.skipBytes(passed);
        passOver -= passed;
      } else if (valueFollows) {
        cursor = in.readerIndex();
        if (!integer(in, 7)) {
          return;
        }
        in.readerIndex(cursor);
        valueFollows = false;
        passOver = integer;
      } else {
        int start = in.readerIndex();
        int length = complete(in) - start;
        if (length > 0) {
          decode(in.readSlice(length));
        }
        if (!in.isReadable() || !isLong(in)) {
          return;
        }
        in.readerIndex(cursor);
        passOver = integer;
        valueFollows = nameLacks;
      }
      if (passOver == 0 && !valueFollows && indexed) {
        indexed = false;
        decode(CLEARS_TABLE.duplicate());
      }
    }
  }

  private void decode(ByteBuf fields) throws Http2Exception {
    try {
      decoder.decodeHeaders(streamId, fields);
    } catch (Http2Exception e) {
      if (!Http2Exception.isStreamError(e)) {
        throw e;
      }
      // The message is refused anyway.
    }
  }

  /** Index behind the last complete field (RFC 7541 6). */
  private int complete(ByteBuf in) throws Http2Exception {
    int done = in.readerIndex();
    cursor = done;
    while (cursor < in.writerIndex() && field(in)) {
      done = cursor;
    }
    return done;
  }

  /** Whether the incomplete field at the reader's index has a string that is passed over. */
  private boolean isLong(ByteBuf in) throws Http2Exception {
    int first = in.getUnsignedByte(in.readerIndex());
    cursor = in.readerIndex();
    integer = 0;
    if (first >= 0x80 || (first & 0xE0) == 0x20 || field(in) || integer <= LONGEST_STRING) {
      return false;
    }
    indexed = (first & 0x40) != 0;
    return true;
  }

  /** Moves the cursor behind a field; false: it is incomplete. */
  private boolean field(ByteBuf in) throws Http2Exception {
    int first = in.getUnsignedByte(cursor);
    if (first >= 0x80) {
      begun = true;
      return integer(in, 7);
    }
    if ((first & 0xE0) == 0x20) {
      if (begun) {
        throw Http2Exception.connectionError(
            COMPRESSION_ERROR, "size of the dynamic table changes within a field block");
      }
      return integer(in, 5);
    }
    begun = true;
    nameLacks = false;
    if (!integer(in, (first & 0x40) != 0 ? 6 : 4)) {
      integer = 0;
      return false;
    }
    if (integer == 0) {
      nameLacks = true;
      if (!string(in)) {
        return false;
      }
      nameLacks = false;
    }
    return string(in);
  }

  /** Moves the cursor behind a string (RFC 7541 5.2), or, where it is incomplete, its length. */
  private boolean string(ByteBuf in) throws Http2Exception {
    if (!integer(in, 7)) {
      integer = 0;
      return false;
    }
    if (in.writerIndex() - cursor < integer) {
      return false;
    }
    cursor += integer;
    return true;
  }

  /** Moves the cursor behind an integer (RFC 7541 5.1); false: it is incomplete. */
  private boolean integer(ByteBuf in, int prefixBits) throws Http2Exception {
    int end = in.writerIndex();
    if (cursor >= end) {
      return false;
    }
    int mask = (1 << prefixBits) - 1;
    long value = in.getUnsignedByte(cursor) & mask;
    int at = cursor + 1;
    if (value == mask) {
      for (int shift = 0; ; shift += 7) {
        if (at >= end) {
          return false;
        }
        int next = in.getUnsignedByte(at++);
        value += (long) (next & 0x7F) << shift;
        if (shift > 28 || value > Integer.MAX_VALUE) {
          throw Http2Exception.connectionError(
              COMPRESSION_ERROR, "integer in the field block of stream %d is too large", streamId);
        }
        if (next < 0x80) {
          break;
        }
      }
    }
    cursor = at;
    integer = (int) value;
    return true;
  }

  private static ByteBuf clearsTable() {
    ByteBuf field = Unpooled.buffer(TABLE_BYTES + 8);
    field.writeByte(0x40).writeByte(1).writeByte('x');
    int rest = TABLE_BYTES - 0x7F;
    field.writeByte(0x7F).writeByte(rest & 0x7F | 0x80).writeByte(rest >>> 7);
    for (int i = 0; i < TABLE_BYTES; i++) {
      field.writeByte('x');
    }
    return Unpooled.unreleasableBuffer(field.asReadOnly());
  }

  /** Remembers the first fields that it decodes. */
  private static final class Decoder extends DefaultHttp2HeadersDecoder {
    private @Nullable Http2Headers first;

    Decoder(int maxListSize) {
      super(true, maxListSize);
    }

    @Override
    protected Http2Headers newHeaders() {
      Http2Headers headers = super.newHeaders();
      if (first == null) {
        first = headers;
      }
      return headers;
    }
  }
}

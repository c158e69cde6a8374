package io.signetmesh.proxy.http.h2;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.buffer.UnpooledByteBufAllocator;
import io.netty.handler.codec.http2.DefaultHttp2Headers;
import io.netty.handler.codec.http2.DefaultHttp2HeadersEncoder;
import io.netty.handler.codec.http2.Http2Error;
import io.netty.handler.codec.http2.Http2Exception;
import io.netty.handler.codec.http2.Http2Exception.HeaderListSizeException;
import io.netty.handler.codec.http2.Http2Headers;
import io.netty.handler.codec.http2.Http2HeadersEncoder;
import io.signetmesh.proxy.http.exchange.HeaderNames;
import java.util.Random;
import org.junit.jupiter.api.Test;

class FieldBlockTest {
  private static final int LIMIT = 64 * 1024;

  private final DefaultHttp2HeadersEncoder encoder =
      new DefaultHttp2HeadersEncoder(Http2HeadersEncoder.NEVER_SENSITIVE, true);
  private final FieldBlock block = new FieldBlock(LIMIT);
  private int streams = 1;

  private ByteBuf encode(Http2Headers headers) throws Http2Exception {
    ByteBuf out = Unpooled.buffer();
    encoder.encodeHeaders(1, headers, out);
    return out;
  }

  /** Gives a block in fragments whose sizes {@code random} picks. */
  private Http2Headers decode(ByteBuf encoded, Random random, int longest) throws Http2Exception {
    block.begin(streams);
    streams += 2;
    while (true) {
      int size = Math.min(encoded.readableBytes(), 1 + random.nextInt(longest));
      ByteBuf fragment = encoded.readSlice(size);
      if (!encoded.isReadable()) {
        return block.end(fragment, UnpooledByteBufAllocator.DEFAULT);
      }
      block.add(fragment, UnpooledByteBufAllocator.DEFAULT);
    }
  }

  private static String text(Random random, int length) {
    StringBuilder text = new StringBuilder(length);
    for (int i = 0; i < length; i++) {
      text.append((char) ('!' + random.nextInt(90)));
    }
    return text.toString();
  }

  /** Fields of which some are long, and many are in the dynamic table. */
  private static Http2Headers fields(Random random, int bytes) {
    Http2Headers headers = new DefaultHttp2Headers(false);
    int size = 0;
    while (size < bytes) {
      String name = "x-" + random.nextInt(20);
      int length =
          switch (random.nextInt(8)) {
            case 0 -> 3000 + random.nextInt(3000);
            case 1 -> random.nextInt(1 + Math.min(bytes, 300_000));
            case 2 -> 0;
            default -> random.nextInt(100);
          };
      String value = random.nextBoolean() ? "v" + random.nextInt(30) : text(random, length);
      if (random.nextInt(50) == 0) {
        name =
            "n" + random.nextInt(1 + Math.min(bytes, 100_000)) + "n".repeat(random.nextInt(50_000));
      }
      headers.add(name, value);
      size += name.length() + value.length() + 32;
    }
    return headers;
  }

  @Test
  void whatIsDiscardedLeavesTheTableAsThePeersEncoderHasIt() throws Exception {
    for (int seed = 0; seed < 60; seed++) {
      Random random = new Random(seed);
      Http2Headers large = fields(random, 70_000 + random.nextInt(800_000));
      int longest =
          switch (seed % 3) {
            case 0 -> 16_384;
            case 1 -> 500;
            default -> 7;
          };
      assertThatThrownBy(() -> decode(encode(large), random, longest))
          .as("seed %d", seed)
          .isInstanceOf(HeaderListSizeException.class);
      Http2Headers small = fields(random, 2000);
      if (HeaderNames.listSize(small) < LIMIT) {
        assertThat(decode(encode(small), random, longest)).as("seed %d", seed).isEqualTo(small);
      } else {
        assertThatThrownBy(() -> decode(encode(small), random, longest))
            .isInstanceOf(HeaderListSizeException.class);
      }
    }
  }

  @Test
  void whatIsKeptOfABlockIsBounded() throws Exception {
    block.begin(1);
    // A literal field with indexing whose value is said to have 1 GiB, and comes.
    block.add(
        Unpooled.wrappedBuffer(
            new byte[] {0x40, 1, 'a', 0x7F, (byte) 0x81, (byte) 0xFF, (byte) 0xFF, (byte) 0xFF, 3}),
        UnpooledByteBufAllocator.DEFAULT);
    ByteBuf part = Unpooled.wrappedBuffer(new byte[16_384]);
    for (int i = 0; i < 20_000; i++) {
      block.add(part.duplicate(), UnpooledByteBufAllocator.DEFAULT);
      assertThat(block.heldBytes()).isLessThanOrEqualTo(LIMIT + 16_384);
    }
    assertThatThrownBy(() -> block.end(part, UnpooledByteBufAllocator.DEFAULT))
        .isInstanceOfSatisfying(
            Http2Exception.class,
            e -> assertThat(e.error()).isEqualTo(Http2Error.COMPRESSION_ERROR));
    assertThat(block.heldBytes()).isZero();
  }

  @Test
  void aBlockThatBreaksOffWithinAFieldEndsTheConnection() {
    for (byte[] end : new byte[][] {{0x40}, {0x40, 1}, {0x40, 1, 'a', 5, 'b'}, {(byte) 0xFF}}) {
      for (int size : new int[] {0, 100_000}) {
        ByteBuf broken = Unpooled.buffer();
        for (int i = 0; i < size; i++) {
          broken.writeByte(0x82);
        }
        broken.writeBytes(end);
        assertThatThrownBy(() -> decode(broken, new Random(1), 16_384))
            .isInstanceOfSatisfying(
                Http2Exception.class,
                e -> {
                  assertThat(Http2Exception.isStreamError(e)).isFalse();
                  assertThat(e.error()).isEqualTo(Http2Error.COMPRESSION_ERROR);
                });
      }
    }
  }

  @Test
  void aFieldThatDoesNotFitIntoTheTableLeavesItEmpty() throws Exception {
    Http2Headers small = new DefaultHttp2Headers(false).add("x-a", "1");
    assertThat(decode(encode(small), new Random(1), 16_384)).isEqualTo(small);
    // Literal with indexing (RFC 7541 6.2.1), as Netty's encoder does not write it for long values.
    ByteBuf large = Unpooled.buffer();
    large.writeByte(0x40).writeByte(1).writeByte('b');
    int rest = 100_000 - 0x7F;
    large.writeByte(0x7F).writeByte(rest & 0x7F | 0x80).writeByte(rest >>> 7 & 0x7F | 0x80);
    large.writeByte(rest >>> 14).writeBytes("v".repeat(100_000).getBytes(US_ASCII));
    assertThatThrownBy(() -> decode(large, new Random(1), 16_384))
        .isInstanceOf(HeaderListSizeException.class);
    // What was the newest entry of the dynamic table is not there any more.
    ByteBuf reference = Unpooled.wrappedBuffer(new byte[] {(byte) 0x80 | 62});
    assertThatThrownBy(() -> decode(reference, new Random(1), 16_384))
        .isInstanceOfSatisfying(
            Http2Exception.class,
            e -> assertThat(e.error()).isEqualTo(Http2Error.COMPRESSION_ERROR));
  }

  @Test
  void theTableMayNotChangeItsSizeWithinABlockThatIsDiscarded() {
    ByteBuf broken = Unpooled.buffer();
    for (int i = 0; i < 100_000; i++) {
      broken.writeByte(0x82);
    }
    broken.writeByte(0x20).writeByte(0x82);
    assertThatThrownBy(() -> decode(broken, new Random(1), 16_384))
        .isInstanceOfSatisfying(
            Http2Exception.class,
            e -> assertThat(e.error()).isEqualTo(Http2Error.COMPRESSION_ERROR));
  }
}

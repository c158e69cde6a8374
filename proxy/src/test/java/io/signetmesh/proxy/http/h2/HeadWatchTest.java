package io.signetmesh.proxy.http.h2;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.handler.codec.http2.Http2CodecUtil;
import io.netty.handler.codec.http2.Http2Flags;
import io.netty.handler.codec.http2.Http2FrameTypes;
import java.util.Random;
import org.junit.jupiter.api.Test;

class HeadWatchTest {
  private static ByteBuf frame(int type, int flags, int length) {
    return Unpooled.buffer()
        .writeMedium(length)
        .writeByte(type)
        .writeByte(flags)
        .writeInt(1)
        .writeZero(length);
  }

  private static ByteBuf bytes(ByteBuf... frames) {
    ByteBuf all = Unpooled.buffer().writeBytes(Http2CodecUtil.connectionPrefaceBuf());
    for (ByteBuf frame : frames) {
      all.writeBytes(frame);
    }
    return all;
  }

  /** In pieces of all sizes, of which the connection takes all or whole frames only. */
  private static boolean isOpen(ByteBuf all, long seed) {
    Random random = new Random(seed);
    HeadWatch watch = new HeadWatch();
    int at = 0;
    while (at < all.writerIndex()) {
      int to = Math.min(all.writerIndex(), at + 1 + random.nextInt(30));
      watch.taken(all, at, to);
      at = to;
    }
    return watch.isOpen(Unpooled.EMPTY_BUFFER);
  }

  @Test
  void tellsAHeadThatHasNotEnded() {
    ByteBuf settings = frame(Http2FrameTypes.SETTINGS, 0, 6);
    ByteBuf data = frame(Http2FrameTypes.DATA, 0, 70);
    ByteBuf begun = frame(Http2FrameTypes.HEADERS, 0, 40);
    ByteBuf whole = frame(Http2FrameTypes.HEADERS, Http2Flags.END_HEADERS, 40);
    ByteBuf more = frame(Http2FrameTypes.CONTINUATION, 0, 40);
    ByteBuf none = frame(Http2FrameTypes.CONTINUATION, 0, 0);
    ByteBuf last = frame(Http2FrameTypes.CONTINUATION, Http2Flags.END_HEADERS, 0);
    for (long seed = 0; seed < 50; seed++) {
      assertThat(isOpen(bytes(), seed)).isFalse();
      assertThat(isOpen(bytes(copy(settings), copy(data)), seed)).isFalse();
      assertThat(isOpen(bytes(copy(settings), copy(whole), copy(data)), seed)).isFalse();
      assertThat(isOpen(bytes(copy(settings), copy(begun)), seed)).isTrue();
      assertThat(isOpen(bytes(copy(begun), copy(more), copy(none)), seed)).isTrue();
      assertThat(isOpen(bytes(copy(begun), copy(more), copy(last)), seed)).isFalse();
      assertThat(isOpen(bytes(whole.slice(0, 20)), seed)).isTrue();
      assertThat(isOpen(bytes(data.slice(0, 20)), seed)).isFalse();
    }
  }

  private static ByteBuf copy(ByteBuf frame) {
    return frame.copy();
  }

  @Test
  void looksAtWhatWaitsToBeTaken() {
    HeadWatch watch = new HeadWatch();
    ByteBuf all = bytes(frame(Http2FrameTypes.SETTINGS, 0, 0));
    watch.taken(all, 0, all.writerIndex());
    assertThat(watch.isOpen(frame(Http2FrameTypes.HEADERS, Http2Flags.END_HEADERS, 9).slice(0, 12)))
        .isTrue();
    assertThat(watch.isOpen(frame(Http2FrameTypes.DATA, 0, 9).slice(0, 12))).isFalse();
    assertThat(watch.isOpen(frame(Http2FrameTypes.HEADERS, 0, 9).slice(0, 3))).isFalse();
  }
}

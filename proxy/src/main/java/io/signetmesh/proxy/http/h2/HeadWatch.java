package io.signetmesh.proxy.http.h2;

import io.netty.buffer.ByteBuf;
import io.netty.handler.codec.http2.Http2Flags;
import io.netty.handler.codec.http2.Http2FrameTypes;

/**
 * Tells whether a client is in the middle of a head: HEADERS or CONTINUATION that are incomplete,
 * or whose block has not ended (RFC 9113 6.2, 6.10). It is shown the bytes that the connection has
 * taken, and what is left of them. Confined to the loop of its connection.
 */
final class HeadWatch {
  private static final int PREFACE_BYTES = 24;
  private static final int FRAME_HEADER_BYTES = 9;
  private static final int TYPE = 3;
  private static final int FLAGS = 4;

  /** Bytes to pass over: of the preface first, then of the payload of a frame. */
  private int passOver = PREFACE_BYTES;

  /** Bytes of a frame's header that have been taken, of which these are known. */
  private int headerBytes;

  private int length;
  private int type = -1;
  private int flags;
  private boolean blockOpen;

  /** Takes bytes that the connection has taken. */
  void taken(ByteBuf in, int from, int to) {
    int at = from;
    while (at < to) {
      if (passOver > 0) {
        int step = Math.min(passOver, to - at);
        at += step;
        passOver -= step;
        if (passOver == 0) {
          frameEnded();
        }
      } else {
        header(in.getUnsignedByte(at++));
      }
    }
  }

  private void header(int octet) {
    if (headerBytes < TYPE) {
      length = headerBytes == 0 ? octet : length << 8 | octet;
    } else if (headerBytes == TYPE) {
      type = octet;
    } else if (headerBytes == FLAGS) {
      flags = octet;
    }
    if (++headerBytes == FRAME_HEADER_BYTES) {
      passOver = length;
      if (length == 0) {
        frameEnded();
      }
    }
  }

  private void frameEnded() {
    if (isOfHead(type)) {
      blockOpen = (flags & Http2Flags.END_HEADERS) == 0;
    }
    headerBytes = 0;
    type = -1;
  }

  private static boolean isOfHead(int type) {
    return type == Http2FrameTypes.HEADERS || type == Http2FrameTypes.CONTINUATION;
  }

  /**
   * Whether a head has begun and not ended.
   *
   * @param left what has come and has not been taken
   */
  boolean isOpen(ByteBuf left) {
    if (blockOpen || isOfHead(type)) {
      return true;
    }
    return passOver == 0
        && headerBytes == 0
        && left.readableBytes() > TYPE
        && isOfHead(left.getUnsignedByte(left.readerIndex() + TYPE));
  }
}

package io.signetmesh.proxy.http.h1;

import io.netty.buffer.ByteBuf;
import io.signetmesh.proxy.memory.ConnectionMemory;
import org.jspecify.annotations.Nullable;

/**
 * Charges the connection for the part of a head that has been parsed while the rest is still to
 * come, and finds out early that it will be too large: short lines take many times their length of
 * heap. Confined to the loop.
 */
final class PartialHead {
  private static final byte LF = '\n';

  private @Nullable ConnectionMemory memory;
  private final int maxHeadBytes;
  private long charged;
  private long lines;

  /**
   * @param maxHeadBytes largest head, in the measure of {@link Http1Heads#listSize}
   */
  PartialHead(int maxHeadBytes) {
    this.maxHeadBytes = maxHeadBytes;
  }

  /** Where the head is charged to; null where no memory is counted. */
  void chargeTo(@Nullable ConnectionMemory memory) {
    this.memory = memory;
  }

  /**
   * More of a head was parsed, and it is not complete.
   *
   * @param in what was parsed, from {@code start} to the reader index
   * @return false: the head will be too large, however it ends
   */
  boolean parsed(ByteBuf in, int start) {
    int end = in.readerIndex();
    if (start >= end) {
      return true;
    }
    int more = 0;
    for (int i = in.indexOf(start, end, LF); i >= 0; i = in.indexOf(i + 1, end, LF)) {
      more++;
    }
    lines += more;
    ConnectionMemory counted = memory;
    if (counted != null) {
      long bytes = ConnectionMemory.heapOf(end - start, more);
      charged += bytes;
      counted.addHeads(bytes);
    }
    return (lines - 1) * (Http1Heads.FIELD_OVERHEAD + 1) <= maxHeadBytes;
  }

  /** The head is complete, or will not be. */
  void ended() {
    lines = 0;
    ConnectionMemory counted = memory;
    if (counted != null && charged != 0) {
      counted.addHeads(-charged);
      charged = 0;
    }
  }
}

package io.signetmesh.proxy.loop;

import io.netty.channel.DefaultMaxMessagesRecvByteBufAllocator;
import io.netty.channel.RecvByteBufAllocator;

/**
 * Sizes of read buffers: small ones where little comes at a time, which is most connections, and
 * large ones where requests of many clients come in bursts. A size that was needed once is given up
 * only after several reads that did not need it: the sizes of Netty's adaptive allocator fall
 * between two bursts, and each read of a part costs a system call and a TCP acknowledgement.
 */
final class ReadSizes extends DefaultMaxMessagesRecvByteBufAllocator {
  private static final int SMALLEST = 2 * 1024;

  /** Takes a whole TLS record (RFC 8446 5.1). */
  private static final int LARGEST = 20 * 1024;

  private static final int GROWTH = 4;

  /**
   * So many reads in a row that fill less than half of the buffer make the next ones smaller. What
   * waits for a slow peer keeps whole buffers, so that empty halves must not last.
   */
  private static final int PATIENCE = 8;

  @Override
  public RecvByteBufAllocator.Handle newHandle() {
    return new Sizes();
  }

  private final class Sizes extends MaxMessageHandle {
    private int size = SMALLEST;
    private int smallReads;

    @Override
    public int guess() {
      return size;
    }

    @Override
    public void lastBytesRead(int bytes) {
      if (bytes > 0) {
        if (bytes >= attemptedBytesRead()) {
          size = Math.min(LARGEST, size * GROWTH);
          smallReads = 0;
        } else if (bytes > size / 2) {
          smallReads = 0;
        } else if (++smallReads == PATIENCE) {
          size = Math.max(SMALLEST, size / 2);
          smallReads = 0;
        }
      }
      super.lastBytesRead(bytes);
    }
  }
}

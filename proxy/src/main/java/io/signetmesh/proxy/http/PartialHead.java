package io.signetmesh.proxy.http;

import io.netty.buffer.ByteBuf;
import io.signetmesh.proxy.memory.ConnectionMemory;
import org.jspecify.annotations.Nullable;

/**
 * Charges the connection for the part of a head that has been parsed while the rest is still to
 * come. Confined to the loop.
 */
final class PartialHead {
  private static final byte LF = '\n';

  private @Nullable ConnectionMemory memory;
  private long charged;

  /** The account; null where none is kept. */
  void account(@Nullable ConnectionMemory account) {
    memory = account;
  }

  /**
   * More of a head was parsed, and it is not complete.
   *
   * @param in what was parsed, from {@code start} to the reader index
   */
  void parsed(ByteBuf in, int start) {
    ConnectionMemory account = memory;
    int end = in.readerIndex();
    if (account == null || start >= end) {
      return;
    }
    int lines = 0;
    for (int i = in.indexOf(start, end, LF); i >= 0; i = in.indexOf(i + 1, end, LF)) {
      lines++;
    }
    long bytes = ConnectionMemory.heapOf(end - start, lines);
    charged += bytes;
    account.addHeads(bytes);
  }

  /** The head is complete, or will not be. */
  void ended() {
    ConnectionMemory account = memory;
    if (account != null && charged != 0) {
      account.addHeads(-charged);
      charged = 0;
    }
  }
}

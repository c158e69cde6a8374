package io.signetmesh.proxy.loop;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.PooledByteBufAllocator;
import io.signetmesh.proxy.memory.LoopMemory;
import org.jspecify.annotations.Nullable;

/**
 * Makes the buffers of one proxy on one loop, so that what it holds there can be told from what
 * others hold, and has the loop look at it every so many bytes. Chunks are of 128 KiB (8 KiB pages,
 * order 4): a proxy holds little at a time, and an idle one should hold next to nothing.
 */
final class LoopAllocator extends PooledByteBufAllocator {
  private @Nullable LoopMemory memory;

  LoopAllocator() {
    super(true, 0, 1, 8192, 4, 32, 16, true);
  }

  /** The account of the proxy; null: nobody's. */
  void account(@Nullable LoopMemory account) {
    memory = account;
  }

  @Override
  protected ByteBuf newDirectBuffer(int initialCapacity, int maxCapacity) {
    LoopMemory account = memory;
    if (account != null) {
      account.allocated(initialCapacity);
    }
    return super.newDirectBuffer(initialCapacity, maxCapacity);
  }
}

package io.signetmesh.proxy.memory;

import io.netty.util.internal.PlatformDependent;

/**
 * How much of the memory of the process connections may hold, all loops of all proxies together.
 * The marks for buffers lie well below the point at which Netty refuses to make any: what is read
 * in one turn of a loop has room above them.
 *
 * @param easeBuffers from here on less is queued for each connection, bytes
 * @param mostBuffers beyond it connections are closed, bytes
 * @param mostHeap the same for heads of messages and for connections themselves, bytes of heap
 */
public record MemoryLimits(long easeBuffers, long mostBuffers, long mostHeap) {

  /** Checks the order of the marks. */
  public MemoryLimits {
    if (easeBuffers < 1 || easeBuffers >= mostBuffers || mostHeap < 1) {
      throw new IllegalArgumentException(
          "memory limits "
              + easeBuffers
              + ", "
              + mostBuffers
              + ", "
              + mostHeap
              + ": expected bytes above 0, the first less than the second");
    }
  }

  /** Of this process: a quarter and a half of its direct memory, and a third of its heap. */
  public static MemoryLimits ofProcess() {
    long direct = PlatformDependent.maxDirectMemory();
    return new MemoryLimits(direct / 4, direct / 2, Runtime.getRuntime().maxMemory() / 3);
  }
}

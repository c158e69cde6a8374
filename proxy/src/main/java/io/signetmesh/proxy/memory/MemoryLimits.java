package io.signetmesh.proxy.memory;

import io.netty.util.internal.PlatformDependent;

/**
 * How much memory of the process connections may hold, over all loops of all proxies. The marks for
 * buffers are well below Netty's own limit, so that what a loop reads in one turn fits above them.
 *
 * @param easeBuffers bytes of buffers above which less is queued for each connection
 * @param mostBuffers bytes of buffers above which connections are closed
 * @param mostHeap bytes of heap for heads and for connections themselves above which connections
 *     are closed
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

  /**
   * The limits of this process: a quarter and a half of its direct memory, and a third of its heap.
   */
  public static MemoryLimits ofProcess() {
    long direct = PlatformDependent.maxDirectMemory();
    return new MemoryLimits(direct / 4, direct / 2, Runtime.getRuntime().maxMemory() / 3);
  }
}

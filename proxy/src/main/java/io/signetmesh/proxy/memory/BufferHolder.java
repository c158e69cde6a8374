package io.signetmesh.proxy.memory;

/**
 * A channel handler that keeps bytes in buffers while they wait. It is asked only when memory is
 * short, so that nothing is counted as long as there is enough. Asked by its loop.
 */
@FunctionalInterface
public interface BufferHolder {
  /** Bytes that are held for the client of the channel now, wherever they wait. */
  long heldBytes();
}

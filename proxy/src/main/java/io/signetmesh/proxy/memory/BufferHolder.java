package io.signetmesh.proxy.memory;

/**
 * A channel handler that holds buffers. It is asked for their size only when memory is short, so
 * that counting costs nothing otherwise. Called on its event loop.
 */
@FunctionalInterface
public interface BufferHolder {
  /** Bytes that are held for the client of the channel now, wherever they wait. */
  long heldBytes();
}

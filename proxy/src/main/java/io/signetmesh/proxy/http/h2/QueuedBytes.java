package io.signetmesh.proxy.http.h2;

/** Body bytes of one stream that wait for room in its window. Confined to its loop. */
final class QueuedBytes {
  private long bytes;

  void add(int count) {
    bytes += count;
  }

  long bytes() {
    return bytes;
  }
}

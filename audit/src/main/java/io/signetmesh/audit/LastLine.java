package io.signetmesh.audit;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;

/** Finds the last line of a journal's file, and its number. */
final class LastLine {
  private LastLine() {}

  /**
   * Where the last whole line ends.
   *
   * @param size bytes of the file to look at
   * @return 0 when there is no whole line
   */
  static long end(FileChannel file, long size) throws IOException {
    ByteBuffer one = ByteBuffer.allocate(4096);
    long end = size;
    while (end > 0) {
      int count = (int) Math.min(one.capacity(), end);
      one.clear().limit(count);
      readFully(file, one, end - count);
      for (int i = count - 1; i >= 0; i--) {
        if (one.get(i) == '\n') {
          return end - count + i + 1;
        }
      }
      end -= count;
    }
    return 0;
  }

  /**
   * The sequence number of the last line.
   *
   * @param end where that line ends
   * @return 0 when there is none
   * @throws IOException when the line is not one of a journal
   */
  static long sequence(FileChannel file, long end) throws IOException {
    if (end == 0) {
      return 0;
    }
    long start = end(file, end - 1);
    ByteBuffer head = ByteBuffer.allocate((int) Math.min(64, end - start));
    readFully(file, head, start);
    long sequence = RecordSequence.of(head.array(), 0, head.position());
    if (sequence < 0) {
      throw new IOException("last line does not begin with {\"sequence\":N, as a journal's does");
    }
    return sequence;
  }

  private static void readFully(FileChannel file, ByteBuffer into, long at) throws IOException {
    long from = at;
    while (into.hasRemaining()) {
      int count = file.read(into, from);
      if (count < 0) {
        throw new IOException("file became shorter while it was read");
      }
      from += count;
    }
  }
}

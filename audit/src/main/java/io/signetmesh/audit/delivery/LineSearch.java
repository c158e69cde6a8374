package io.signetmesh.audit.delivery;

import io.signetmesh.audit.RecordSequence;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;

/**
 * Finds lines in a file of a journal by their numbers, which grow from line to line. Reads a few
 * blocks, however large the file is.
 */
final class LineSearch {
  private static final int BLOCK = 64 * 1024;

  private final FileChannel file;
  private final ByteBuffer block = ByteBuffer.allocate(BLOCK);
  private final ByteBuffer head = ByteBuffer.allocate(RecordSequence.MAX_BYTES);

  LineSearch(FileChannel file) {
    this.file = file;
  }

  /**
   * The number of the first line that has one.
   *
   * @return 0 when no line has one
   */
  long firstSequence() throws IOException {
    return sequenceFrom(0, file.size());
  }

  /**
   * Where the first line begins whose number is not below a given one.
   *
   * @return -1 when there is none
   */
  long find(long sequence) throws IOException {
    long low = 0;
    long high = file.size();
    // Each line that begins before low has a lower number.
    while (high - low > BLOCK) {
      long middle = low + (high - low) / 2;
      long begin = lineAfter(middle, high);
      long found = begin < 0 ? 0 : sequenceFrom(begin, high);
      if (found > 0 && found < sequence) {
        low = begin;
      } else {
        high = middle;
      }
    }
    long size = file.size();
    for (long begin = low; begin >= 0; begin = lineAfter(begin, size)) {
      if (sequenceAt(begin) >= sequence) {
        return begin;
      }
    }
    return -1;
  }

  /** The number of the first line from one on that has a number; 0 when there is none. */
  private long sequenceFrom(long begin, long end) throws IOException {
    for (long line = begin; line >= 0; line = lineAfter(line, end)) {
      long found = sequenceAt(line);
      if (found > 0) {
        return found;
      }
    }
    return 0;
  }

  /** The number of the line that begins somewhere; not above 0 when it has none. */
  private long sequenceAt(long begin) throws IOException {
    head.clear();
    read(head, begin);
    return RecordSequence.of(head.array(), 0, head.position());
  }

  /**
   * Where a line begins, after the first end of a line that is found.
   *
   * @param from where to look for the end of a line
   * @return -1 when none begins before {@code end}
   */
  private long lineAfter(long from, long end) throws IOException {
    long after = endOfLine(from, end);
    return after < end ? after : -1;
  }

  /**
   * Where the first end of a line is, behind its newline.
   *
   * @param from where to look
   * @return -1 when there is none before {@code end}
   */
  long endOfLine(long from, long end) throws IOException {
    long at = from;
    while (at < end) {
      block.clear();
      block.limit((int) Math.min(BLOCK, end - at));
      read(block, at);
      int count = block.position();
      if (count == 0) {
        return -1;
      }
      for (int i = 0; i < count; i++) {
        if (block.get(i) == '\n') {
          return at + i + 1;
        }
      }
      at += count;
    }
    return -1;
  }

  /** Reads until the buffer is full or the file ends. */
  private void read(ByteBuffer into, long at) throws IOException {
    long from = at;
    while (into.hasRemaining()) {
      int count = file.read(into, from);
      if (count < 0) {
        return;
      }
      from += count;
    }
  }
}

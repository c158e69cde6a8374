package io.signetmesh.collector.verify;

import io.signetmesh.collector.export.ExportLine;
import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayDeque;
import java.util.Deque;
import org.jspecify.annotations.Nullable;

/** Reads the lines of an export, and looks two lines ahead. Lines are bounded. */
final class ExportLines {
  /**
   * A line.
   *
   * @param number from 1 on
   * @param bytes without the newline; cut when it is too long
   * @param isWhole whether it ended with a newline and was not too long
   */
  @SuppressWarnings("ArrayRecordComponent") // lines are not compared
  record Line(long number, byte[] bytes, boolean isWhole) {}

  private final InputStream in;
  private final Deque<Line> ahead = new ArrayDeque<>();
  private long number;
  private long bytes;

  ExportLines(InputStream in) {
    this.in = new BufferedInputStream(in, 64 * 1024);
  }

  /** Bytes that were read. */
  long bytes() {
    return bytes;
  }

  /** The next line; null at the end. */
  @Nullable Line next() throws IOException {
    Line line = ahead.poll();
    return line == null ? read() : line;
  }

  /**
   * A line behind the next one.
   *
   * @param distance 0 for the next one
   */
  @Nullable Line peek(int distance) throws IOException {
    while (ahead.size() <= distance) {
      Line line = read();
      if (line == null) {
        return null;
      }
      ahead.add(line);
    }
    return ahead.stream().skip(distance).findFirst().orElse(null);
  }

  private @Nullable Line read() throws IOException {
    ByteArrayOutputStream line = new ByteArrayOutputStream(1024);
    boolean isTooLong = false;
    int next = in.read();
    if (next < 0) {
      return null;
    }
    while (next >= 0 && next != '\n') {
      bytes++;
      if (line.size() < ExportLine.MAX_BYTES) {
        line.write(next);
      } else {
        isTooLong = true;
      }
      next = in.read();
    }
    bytes++;
    return new Line(++number, line.toByteArray(), next == '\n' && !isTooLong);
  }
}

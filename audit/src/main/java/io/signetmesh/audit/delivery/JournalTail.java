package io.signetmesh.audit.delivery;

import com.google.protobuf.ByteString;
import com.google.protobuf.UnsafeByteOperations;
import io.signetmesh.audit.JournalFiles;
import io.signetmesh.audit.RecordSequence;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * Reads the records of a journal in the order of their numbers, from the current file and those
 * before it, also while it is written and its files are renamed. Holds one open file and one
 * position, and no record.
 *
 * <p>What is no line of a journal, or is longer than {@value #MAX_LINE} bytes, is passed over as if
 * it was not there. Not thread-safe.
 */
public final class JournalTail implements AutoCloseable {
  /**
   * Longest line that is read, in bytes without the newline. A collector keeps 64 KiB, with what it
   * adds.
   */
  public static final int MAX_LINE = 60 * 1024;

  private static final int MAX_SKIPPED = 1_024;

  /** More than may be read again. */
  private static final int MAX_REJECTED = 65_536;

  private final Path file;
  private final int keptFiles;

  /** The file that is read; null: it has to be found. */
  private @Nullable FileChannel open;

  /** Where the next line begins. */
  private long position;

  private long next = 1;
  private boolean strict;

  /** Records that are passed over. */
  private final Set<Long> skipped = new HashSet<>();

  /** Records that are there and were passed over, which are counted in {@link #lost}. */
  private final Set<Long> rejected = new HashSet<>();

  /** Missing records up to this one are counted in {@link #lost}. */
  private long counted;

  private final LongAdder lost = new LongAdder();

  /**
   * Lines that follow one another in the files.
   *
   * @param last number of the last one; 0 when there is none
   * @param bytes bytes of all lines, without newlines
   * @param lines the lines, without newlines
   */
  public record Lines(long last, int bytes, List<ByteString> lines) {
    static final Lines NONE = new Lines(0, 0, List.of());

    /** Copies the list. */
    public Lines {
      lines = List.copyOf(lines);
    }

    /** Whether there is none. */
    public boolean isEmpty() {
      return lines.isEmpty();
    }
  }

  /**
   * Starts with record 1. Nothing is opened yet.
   *
   * @param file the current file; it may be missing
   * @param keptFiles files before it, at most
   */
  public JournalTail(Path file, int keptFiles) {
    this.file = file;
    this.keptFiles = keptFiles;
  }

  /** Reads on from a record, or from the first one behind it that there is. */
  public void seek(long sequence) {
    close();
    next = sequence;
    skipped.removeIf(passed -> passed < sequence);
    rejected.removeIf(passed -> passed < sequence);
  }

  /** Passes over lines that are not JSON as well. */
  public void readStrictly() {
    strict = true;
  }

  /** Passes over a record, as if it was not there. */
  void skip(long sequence) {
    skipped.add(sequence);
  }

  /** Whether so many records are passed over that no more should be. */
  boolean skipsMany() {
    return skipped.size() >= MAX_SKIPPED;
  }

  /** Records that were not there any more when it was their turn, each counted once. */
  public long lost() {
    return lost.sum();
  }

  /**
   * Reads lines.
   *
   * @param last number of the last record that may be read; what is behind it may not stay
   * @param maxBytes bytes to read at most, including newlines; more than {@link #MAX_LINE}
   * @param maxLines lines to read at most, 1 or more
   * @return empty when there is none yet
   */
  public Lines read(long last, int maxBytes, int maxLines) throws IOException {
    while (next <= last) {
      FileChannel in = open;
      if (in != null) {
        Lines lines = readHere(in, last, maxBytes, maxLines);
        if (!lines.isEmpty()) {
          return lines;
        }
        // The line that is wanted is in another file, or nowhere.
        close();
      }
      in = find();
      if (in == null) {
        return Lines.NONE;
      }
      long before = next;
      Lines lines = readHere(in, last, maxBytes, maxLines);
      if (!lines.isEmpty() || next == before) {
        return lines;
      }
    }
    return Lines.NONE;
  }

  private Lines readHere(FileChannel in, long last, int maxBytes, int maxLines) throws IOException {
    List<ByteString> lines = new ArrayList<>();
    while (true) {
      byte[] bytes = new byte[(int) Math.min(maxBytes, Math.max(0, in.size() - position))];
      int count = readFully(in, bytes, position);
      int size = 0;
      int begin = 0;
      for (int i = 0; i < count && lines.size() < maxLines; i++) {
        if (bytes[i] != '\n') {
          continue;
        }
        long sequence = RecordSequence.of(bytes, begin, i);
        if (sequence > last) {
          position += begin;
          return lines(size, lines);
        }
        if (sequence >= next) {
          boolean keeps =
              i - begin <= MAX_LINE && !skipped.contains(sequence) && isRecord(bytes, begin, i);
          if (keeps) {
            lines.add(UnsafeByteOperations.unsafeWrap(bytes, begin, i - begin));
            size += i - begin;
          }
          passed(sequence, keeps);
        }
        begin = i + 1;
      }
      if (begin == 0 && count == maxBytes) {
        begin = tooLong(in, bytes, last);
      }
      position += begin;
      if (!lines.isEmpty() || begin == 0) {
        return lines(size, lines);
      }
    }
  }

  /**
   * Passes over a line that is longer than all that may be read.
   *
   * @return bytes of it and of its newline; 0 when it is not whole, or may not stay
   */
  private int tooLong(FileChannel in, byte[] bytes, long last) throws IOException {
    long sequence = RecordSequence.of(bytes, 0, bytes.length);
    long after = new LineSearch(in).endOfLine(position + bytes.length, in.size());
    if (sequence > last || after < 0) {
      return 0;
    }
    if (sequence >= next) {
      passed(sequence, false);
    }
    return Math.toIntExact(Math.min(after - position, Integer.MAX_VALUE));
  }

  private Lines lines(int bytes, List<ByteString> lines) {
    return lines.isEmpty() ? Lines.NONE : new Lines(next - 1, bytes, lines);
  }

  private boolean isRecord(byte[] bytes, int from, int to) {
    return !strict || StrictLine.isRecord(bytes, from, to);
  }

  /** Goes on behind a record, and counts those before it that are missing. */
  private void passed(long sequence, boolean kept) {
    long from = Math.max(next, counted + 1);
    if (sequence > from) {
      lost.add(sequence - from);
    }
    if (!kept && rejected.add(sequence)) {
      lost.increment();
      if (rejected.size() > MAX_REJECTED) {
        rejected.removeIf(old -> old < sequence - MAX_REJECTED);
      }
    }
    counted = Math.max(counted, sequence);
    next = sequence + 1;
  }

  /**
   * Opens the file that has the next line, at that line. Files are renamed to higher numbers while
   * this looks at them, and so are found twice, but none is passed over.
   *
   * @return null when there is no such line
   */
  private @Nullable FileChannel find() throws IOException {
    FileChannel newer = null;
    FileChannel chosen = null;
    long at = 0;
    try {
      for (int number = 0; number <= keptFiles && chosen == null; number++) {
        FileChannel older;
        try {
          older = FileChannel.open(JournalFiles.numbered(file, number), StandardOpenOption.READ);
        } catch (NoSuchFileException e) {
          continue;
        }
        LineSearch search = new LineSearch(older);
        long first = search.firstSequence();
        long found = first > 0 && first <= next ? search.find(next) : -1;
        if (found >= 0) {
          chosen = older;
          at = found;
        } else if (first > next) {
          closeQuietly(newer);
          newer = older;
        } else {
          older.close();
          if (first > 0) {
            break;
          }
        }
      }
      if (chosen == null) {
        chosen = newer;
        newer = null;
      }
    } finally {
      closeQuietly(newer);
    }
    open = chosen;
    position = at;
    return chosen;
  }

  private static int readFully(FileChannel in, byte[] bytes, long at) throws IOException {
    ByteBuffer into = ByteBuffer.wrap(bytes);
    while (into.hasRemaining()) {
      if (in.read(into, at + into.position()) < 0) {
        break;
      }
    }
    return into.position();
  }

  private static void closeQuietly(@Nullable FileChannel channel) {
    if (channel != null) {
      try {
        channel.close();
      } catch (IOException e) {
        // It was only read.
      }
    }
  }

  /** Closes the file. The next read opens it again. */
  @Override
  public void close() {
    closeQuietly(open);
    open = null;
  }
}

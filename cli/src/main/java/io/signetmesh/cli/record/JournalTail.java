package io.signetmesh.cli.record;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;

/**
 * Follows the current file of an audit journal while it is written. A missing file is an empty one.
 * When the journal starts a new file, the tail continues with that. Not thread-safe.
 */
public final class JournalTail {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final long PAUSE_MILLIS = 5;

  private final Path file;
  private long position;

  private JournalTail(Path file) {
    this.file = file;
  }

  /** Starts with the first record of the file. */
  public static JournalTail fromStart(Path file) {
    return new JournalTail(file);
  }

  /**
   * Starts with the next record that is written.
   *
   * @throws IOException when the file cannot be read
   */
  public static JournalTail fromEnd(Path file) throws IOException {
    JournalTail tail = new JournalTail(file);
    tail.skip();
    return tail;
  }

  /** Skips what has been written so far. */
  public void skip() throws IOException {
    lines();
  }

  /**
   * Reads the records written since the last call, decisions and others; at most 64 MiB of them.
   *
   * @throws IOException when the file cannot be read or a line is not JSON
   */
  public List<JsonNode> lines() throws IOException {
    List<JsonNode> lines = new ArrayList<>();
    if (!Files.exists(file)) {
      return lines;
    }
    try (RandomAccessFile in = new RandomAccessFile(file.toFile(), "r")) {
      long length = in.length();
      if (length < position) {
        // A new file was begun.
        position = 0;
      }
      in.seek(position);
      byte[] bytes = new byte[(int) Math.min(length - position, 64 << 20)];
      in.readFully(bytes);
      ByteArrayOutputStream line = new ByteArrayOutputStream();
      for (byte b : bytes) {
        if (b == '\n') {
          position += line.size() + 1;
          lines.add(JSON.readTree(line.toString(StandardCharsets.UTF_8)));
          line.reset();
        } else {
          line.write(b);
        }
      }
    }
    return lines;
  }

  /** Reads the decisions written since the last call. Other records are skipped. */
  public List<DecisionRecord> decisions() throws IOException {
    List<DecisionRecord> decisions = new ArrayList<>();
    for (JsonNode line : lines()) {
      DecisionRecord decision = DecisionRecord.of(line);
      if (decision != null) {
        decisions.add(decision);
      }
    }
    return decisions;
  }

  /**
   * Waits for a decision. Decisions before it are skipped, and so are those after it that were read
   * together with it.
   *
   * @return empty when there is none within {@code limit}
   */
  public Optional<DecisionRecord> await(Predicate<DecisionRecord> wanted, Duration limit)
      throws IOException, InterruptedException {
    long end = System.nanoTime() + limit.toNanos();
    while (true) {
      for (DecisionRecord decision : decisions()) {
        if (wanted.test(decision)) {
          return Optional.of(decision);
        }
      }
      if (System.nanoTime() - end > 0) {
        return Optional.empty();
      }
      TimeUnit.MILLISECONDS.sleep(PAUSE_MILLIS);
    }
  }
}

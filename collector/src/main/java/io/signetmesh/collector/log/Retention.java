package io.signetmesh.collector.log;

import io.signetmesh.audit.tlog.LogReader;
import io.signetmesh.audit.tlog.TilePath;
import io.signetmesh.collector.entry.LogEntry;
import io.signetmesh.collector.entry.MalformedEntryException;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How long entries are kept. Deleted are full bundles of 256 entries from the beginning of the log;
 * hashes and checkpoints stay.
 *
 * @param age how long an entry is kept after it was received; null for ever
 * @param bytes of entries that are kept; the newest ones are, also if they are more
 */
public record Retention(@Nullable Duration age, long bytes) {
  /** Keeps everything. */
  public static final Retention ALL = new Retention(null, Long.MAX_VALUE);

  /** Entries deleted at a time. */
  private static final long STEP = 256L * TilePath.WIDTH;

  private static final Logger log = LoggerFactory.getLogger(Retention.class);

  /** Refuses bounds that keep nothing. */
  public Retention {
    if (bytes < 1 || (age != null && (age.isNegative() || age.isZero()))) {
      throw new IllegalArgumentException(
          "retention of " + age + " and " + bytes + " bytes: expected more than nothing");
    }
  }

  /** The bounds, for people. */
  private String reason() {
    List<String> bounds = new ArrayList<>();
    if (age != null) {
      bounds.add("entries are kept for " + age.toSeconds() + " s");
    }
    if (bytes != Long.MAX_VALUE) {
      bounds.add(bytes + " bytes of entries are kept");
    }
    return String.join(", ", bounds);
  }

  /** Whether anything is ever deleted. */
  public boolean isBounded() {
    return age != null || bytes != Long.MAX_VALUE;
  }

  /**
   * Deletes what is beyond the bounds.
   *
   * @param directory of the collector
   * @return the first entry that is kept
   * @throws IOException when the log cannot be read, or something cannot be deleted
   */
  public long apply(CollectorLog of, Path directory, Instant now) throws IOException {
    return apply(of, directory, now, Long.MAX_VALUE);
  }

  /**
   * Deletes what is beyond the bounds.
   *
   * @param directory of the collector
   * @param held the first entry that somebody needs still: its age does not delete it, the size of
   *     the log does
   * @return the first entry that is kept
   * @throws IOException when the log cannot be read, or something cannot be deleted
   */
  public long apply(CollectorLog of, Path directory, Instant now, long held) throws IOException {
    long known = of.minimum();
    long end = of.checkpoint().size() / TilePath.WIDTH;
    long first = known / TilePath.WIDTH;
    LogReader reader = new LogReader(of.store(), of.checkpoint().size(), known);
    if (age != null) {
      Instant oldest = now.minus(age);
      for (long bundle = first; bundle < Math.min(end, held / TilePath.WIDTH); bundle++) {
        Instant last = lastReceived(reader, bundle);
        // Without a time, those behind it say whether it is old.
        if (last != null) {
          if (!last.isBefore(oldest)) {
            break;
          }
          first = bundle + 1;
        }
      }
    }
    if (bytes != Long.MAX_VALUE) {
      Path tiles = directory.resolve(CollectorLog.TILES);
      long left = bytes(tiles.resolve("tile").resolve("entries"));
      for (long deleted = known / TilePath.WIDTH; deleted < end; deleted++) {
        if (deleted >= first) {
          if (left <= bytes) {
            break;
          }
          first++;
        }
        left -= size(tiles.resolve(TilePath.entries(deleted, TilePath.WIDTH).toString()));
      }
    }
    long minimum = first * TilePath.WIDTH;
    // Also when nothing more is to go: what could not be deleted the last time is.
    of.deleteBefore(Math.min(minimum, known));
    if (minimum > known) {
      of.stateDeletion(minimum, reason(), now);
    }
    // In steps, so that appends come in between.
    for (long step = known; step < minimum; ) {
      step = Math.min(minimum, step + STEP);
      of.deleteBefore(step);
    }
    if (minimum > known) {
      log.info("entries {} to {} of the audit log were deleted", known, minimum - 1);
    }
    return minimum;
  }

  /** When the last readable entry of a bundle was received; null when none can be read. */
  private static @Nullable Instant lastReceived(LogReader reader, long bundle) throws IOException {
    List<byte[]> entries = reader.bundle(bundle);
    for (int i = entries.size() - 1; i >= 0; i--) {
      try {
        return LogEntry.parse(entries.get(i)).received();
      } catch (MalformedEntryException e) {
        log.warn("entry {} of the audit log has no time", bundle * TilePath.WIDTH + i, e);
      }
    }
    return null;
  }

  private static long size(Path bundle) throws IOException {
    try {
      return Files.size(bundle);
    } catch (NoSuchFileException e) {
      return 0;
    }
  }

  /** Bytes of the full bundles below a directory. */
  private static long bytes(Path directory) throws IOException {
    long sum = 0;
    try (DirectoryStream<Path> files = Files.newDirectoryStream(directory)) {
      for (Path file : files) {
        String name = file.getFileName().toString();
        if (name.startsWith("x")) {
          sum += bytes(file);
        } else if (name.length() == 3) {
          sum += size(file);
        }
      }
    } catch (NoSuchFileException e) {
      return 0;
    }
    return sum;
  }
}

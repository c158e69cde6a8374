package io.signetmesh.e2e.audit;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.signetmesh.audit.tlog.LogReader;
import io.signetmesh.audit.tlog.TilePath;
import io.signetmesh.collector.entry.LogEntry;
import io.signetmesh.collector.log.Addition;
import io.signetmesh.collector.log.CollectorLog;
import io.signetmesh.collector.log.FsyncPolicy;
import io.signetmesh.collector.log.JournalKey;
import io.signetmesh.collector.query.LogDirectory;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;

/** A log as a collector writes it, and what is in it. */
final class WrittenLog {
  static final String ORIGIN = "e2e.example/audit";

  private WrittenLog() {}

  /**
   * Begins the log of a collector, or goes on with it, with so many records of five workloads.
   *
   * @param from number of the first record, 1 or the one after the last
   */
  static void write(Path directory, long from, int count) throws IOException {
    JournalKey journal = new JournalKey("node-1", "%032x".formatted(0xe2e));
    Instant now = Instant.parse("2026-11-30T10:00:00Z");
    try (CollectorLog log = CollectorLog.open(directory, ORIGIN, FsyncPolicy.OS, 0)) {
      for (long first = from; first < from + count; first += 1_000) {
        int some = (int) Math.min(1_000, from + count - first);
        long[] sequences = new long[some];
        List<byte[]> entries = new ArrayList<>();
        for (int i = 0; i < some; i++) {
          sequences[i] = first + i;
          LogEntry.Line line = LogEntry.Line.of(AuditWriter.line(first + i).getBytes(UTF_8));
          entries.add(new LogEntry(journal.writer(), journal.journal(), now, false, line).bytes());
        }
        log.append(List.of(new Addition(journal, sequences, entries)), now);
      }
    }
  }

  /** The entries of the log in a collector's directory, byte by byte. */
  static List<byte[]> entries(Path directory) throws IOException {
    LogDirectory log = LogDirectory.open(directory.resolve(CollectorLog.TILES), null);
    LogReader reader = log.reader();
    List<byte[]> all = new ArrayList<>();
    for (long bundle = 0; bundle * TilePath.WIDTH < log.size(); bundle++) {
      all.addAll(reader.bundle(bundle));
    }
    return all;
  }
}

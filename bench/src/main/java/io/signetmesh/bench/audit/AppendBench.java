package io.signetmesh.bench.audit;

import io.signetmesh.collector.index.LogIndex;
import io.signetmesh.collector.index.LogIndexer;
import io.signetmesh.collector.log.Addition;
import io.signetmesh.collector.log.CollectorLog;
import io.signetmesh.collector.log.FsyncPolicy;
import io.signetmesh.collector.log.JournalKey;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Appends as a collector does, one batch after the other, with and without an index. */
final class AppendBench {
  private static final int BATCH = 4_096;
  private static final int BATCHES = 24;

  private final GeneratedRecords records;
  private final PrintStream out;

  AppendBench(GeneratedRecords records, PrintStream out) {
    this.records = records;
    this.out = out;
  }

  /** Measures both, and leaves nothing behind. */
  void run(Path directory, Duration length) throws IOException {
    out.printf("%n| append path, %d s each | records/s | of them indexed |%n", length.toSeconds());
    out.printf("|---|--:|--:|%n");
    for (FsyncPolicy fsync : List.of(FsyncPolicy.BATCH, FsyncPolicy.OS)) {
      for (boolean hasIndex : new boolean[] {false, true, false, true}) {
        try {
          measure(directory, length, fsync, hasIndex);
        } finally {
          delete(directory);
        }
      }
    }
  }

  private void measure(Path directory, Duration length, FsyncPolicy fsync, boolean hasIndex)
      throws IOException {
    List<List<byte[]>> batches = new ArrayList<>();
    for (int i = 0; i < BATCHES; i++) {
      List<byte[]> batch = new ArrayList<>();
      for (int j = 0; j < BATCH; j++) {
        batch.add(records.entry((long) i * BATCH + j));
      }
      batches.add(batch);
    }
    Path tiles = directory.resolve(CollectorLog.TILES);
    LogIndexer indexer = null;
    try (CollectorLog log = CollectorLog.open(directory, GeneratedLog.ORIGIN, fsync, 0)) {
      indexer = hasIndex ? LogIndexer.start(tiles, LogIndex.of(tiles)) : null;
      JournalKey journal = new JournalKey("bench", "00112233445566778899aabbccddeeff");
      long begun = System.nanoTime();
      long appended = 0;
      while (System.nanoTime() - begun < length.toNanos()) {
        long[] sequences = new long[BATCH];
        for (int i = 0; i < BATCH; i++) {
          sequences[i] = ++appended;
        }
        List<byte[]> batch = batches.get((int) (appended / BATCH % BATCHES));
        log.append(List.of(new Addition(journal, sequences, batch)), Instant.now());
      }
      double seconds = (System.nanoTime() - begun) / 1e9;
      out.printf(
          Locale.ROOT,
          "| fsync %s, %s | %,.0f | %,d of %,d |%n",
          fsync.name().toLowerCase(Locale.ROOT),
          hasIndex ? "with an index" : "without",
          appended / seconds,
          indexer == null ? 0 : indexer.covered(),
          appended);
    } finally {
      if (indexer != null) {
        indexer.close();
      }
    }
  }

  private static void delete(Path directory) throws IOException {
    if (!Files.exists(directory)) {
      return;
    }
    Files.walkFileTree(
        directory,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
              throws IOException {
            Files.delete(file);
            return FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult postVisitDirectory(Path one, @Nullable IOException failed)
              throws IOException {
            Files.delete(one);
            return FileVisitResult.CONTINUE;
          }
        });
  }
}

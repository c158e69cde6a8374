package io.signetmesh.bench.audit;

import io.signetmesh.audit.tlog.FileTileStore;
import io.signetmesh.audit.tlog.LogWriter;
import io.signetmesh.audit.tlog.NoteKey;
import io.signetmesh.audit.tlog.NoteSigner;
import io.signetmesh.audit.tlog.TileStore;
import io.signetmesh.collector.log.CollectorLog;
import io.signetmesh.collector.log.LogKey;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** Writes generated entries as a log, by the product's own writer. It goes on where it ended. */
final class GeneratedLog implements AutoCloseable {
  /** Name of the log. */
  static final String ORIGIN = "bench.example/audit";

  /** Entries of an append. */
  private static final int BATCH = 1 << 15;

  private static final String TOTAL = "records";

  private final GeneratedRecords records;
  private final FileTileStore store;
  private final LogWriter writer;
  private final ExecutorService making = Executors.newSingleThreadExecutor();

  private GeneratedLog(GeneratedRecords records, FileTileStore store, LogWriter writer) {
    this.records = records;
    this.store = store;
    this.writer = writer;
  }

  /**
   * Opens the log of a directory, or begins it.
   *
   * @param isMade whether bundles are made again when they are read, and not kept
   * @throws IOException when it cannot be written, or is of another number of records
   */
  static GeneratedLog open(Path directory, GeneratedRecords records, boolean isMade)
      throws IOException {
    Files.createDirectories(directory);
    Path total = directory.resolve(TOTAL);
    String wanted = records.total() + (isMade ? " made" : "");
    if (!Files.exists(total)) {
      Files.writeString(total, wanted);
    }
    if (!Files.readString(total).equals(wanted)) {
      throw new IOException(
          directory
              + " has a log of "
              + Files.readString(total)
              + " records: expected "
              + wanted
              + ", or another directory");
    }
    FileTileStore store = FileTileStore.toWrite(directory.resolve(CollectorLog.TILES), false);
    boolean begins = store.isEmpty();
    NoteSigner signer =
        LogKey.open(directory.resolve(CollectorLog.KEY), ORIGIN, NoteKey.Type.NOTE, begins);
    TileStore tiles = isMade ? new MadeTiles(store, records) : store;
    LogWriter writer = begins ? LogWriter.create(tiles, signer) : LogWriter.open(tiles, signer, 0);
    return new GeneratedLog(records, store, writer);
  }

  /** Number of entries that are written. */
  long size() {
    return writer.checkpoint().size();
  }

  /** Writes entries up to a number. The next ones are made while some are written. */
  void extend(long to) throws IOException, InterruptedException {
    Future<List<byte[]>> next = making.submit(() -> batch(size(), to));
    while (size() < to) {
      List<byte[]> batch;
      try {
        batch = next.get();
      } catch (ExecutionException e) {
        throw new IOException("entries cannot be made", e.getCause());
      }
      long from = size() + batch.size();
      next = making.submit(() -> batch(from, to));
      writer.append(batch);
    }
  }

  private List<byte[]> batch(long from, long to) {
    List<byte[]> batch = new ArrayList<>(BATCH);
    for (long i = from; i < Math.min(to, from + BATCH); i++) {
      batch.add(records.entry(i));
    }
    return batch;
  }

  @Override
  public void close() throws IOException {
    making.shutdownNow();
    store.close();
  }
}

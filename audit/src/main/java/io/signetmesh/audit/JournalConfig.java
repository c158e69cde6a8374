package io.signetmesh.audit;

import java.nio.file.Path;

/**
 * Configuration of a {@link Journal}.
 *
 * @param file the current file; older ones are {@code file.1} (newest) to {@code file.N}
 * @param queueCapacity maximum number of records that wait to be written, at least 4
 * @param maxFileBytes size in bytes at which a new file is started, at least 1
 * @param keptFiles number of older files to keep, at least 1
 * @param sync when records are forced to the disk ({@code fsync})
 * @param blocking whether traffic is refused that cannot be recorded ({@link AuditLog#admit})
 */
public record JournalConfig(
    Path file,
    int queueCapacity,
    long maxFileBytes,
    int keptFiles,
    JournalSync sync,
    boolean blocking) {

  /**
   * A configuration under which traffic goes on whatever can be recorded.
   *
   * @param fsync whether each batch is forced to the disk
   */
  public JournalConfig(
      Path file, int queueCapacity, long maxFileBytes, int keptFiles, boolean fsync) {
    this(
        file,
        queueCapacity,
        maxFileBytes,
        keptFiles,
        fsync ? JournalSync.BATCH : JournalSync.OS,
        false);
  }

  /**
   * Checks the ranges.
   *
   * @throws IllegalArgumentException when a value is out of range; the message names it
   */
  public JournalConfig {
    if (queueCapacity < 4) {
      throw new IllegalArgumentException("queueCapacity " + queueCapacity + ": expected 4 or more");
    }
    if (maxFileBytes < 1) {
      throw new IllegalArgumentException("maxFileBytes " + maxFileBytes + ": expected 1 or more");
    }
    if (keptFiles < 1) {
      throw new IllegalArgumentException("keptFiles " + keptFiles + ": expected 1 or more");
    }
  }

  /** The same, but traffic that cannot be recorded is refused. */
  public JournalConfig thatBlocks() {
    return new JournalConfig(file, queueCapacity, maxFileBytes, keptFiles, sync, true);
  }

  /**
   * The defaults: a queue of 16,384 records, files of 256 MiB, four older files, no {@code fsync}.
   */
  public static JournalConfig of(Path file) {
    return new JournalConfig(file, 16_384, 256L << 20, 4, false);
  }
}

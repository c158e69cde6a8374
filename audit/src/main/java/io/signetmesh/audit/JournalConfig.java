package io.signetmesh.audit;

import java.nio.file.Path;

/**
 * Where and how a {@link Journal} writes.
 *
 * @param file the current file; older ones are {@code file.1} (newest) to {@code file.N}
 * @param queueCapacity records that may wait, at least 4
 * @param maxFileBytes size at which a new file is begun
 * @param keptFiles older files kept, at least 1
 * @param fsync whether each batch is forced to the disk
 */
public record JournalConfig(
    Path file, int queueCapacity, long maxFileBytes, int keptFiles, boolean fsync) {

  /** Checks the ranges. */
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

  /** 16,384 records may wait; files of 256 MiB, four older ones kept; no forcing. */
  public static JournalConfig of(Path file) {
    return new JournalConfig(file, 16_384, 256L << 20, 4, false);
  }
}

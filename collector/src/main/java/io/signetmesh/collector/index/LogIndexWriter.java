package io.signetmesh.collector.index;

import io.signetmesh.collector.query.AuditEntry;
import io.signetmesh.collector.query.EntryCandidates;
import io.signetmesh.collector.query.EntryFilter;
import io.signetmesh.collector.query.EntryScan;
import io.signetmesh.collector.query.LogDirectory;
import io.signetmesh.identity.pki.StateFiles;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;
import java.util.function.LongConsumer;
import org.apache.lucene.store.FSDirectory;
import org.apache.lucene.store.Lock;
import org.apache.lucene.store.LockObtainFailedException;
import org.apache.lucene.store.NativeFSLockFactory;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps an index of a log. There is one writer of an index; readers need not wait for it. After a
 * crash the index is as it was at the last commit. For one thread.
 */
public final class LogIndexWriter implements AutoCloseable {
  /** Memory for what is not written yet, in a command. */
  public static final long COMMAND_BUFFER = 64L << 20;

  /** The same in a collector. */
  public static final long COLLECTOR_BUFFER = 16L << 20;

  private static final String LOCK = "writer.lock";

  private static final Logger logger = LoggerFactory.getLogger(LogIndexWriter.class);

  private final Path path;
  private final long bufferBytes;
  private final int readers;
  private final long partSize;
  private final FSDirectory directory;
  private final Lock lock;
  private @Nullable PartWriter open;
  private long openPart;

  /** Parts that cover all that they may, as far as is known: they are not looked at again. */
  private final Set<Long> whole = new HashSet<>();

  private LogIndexWriter(
      Path path, long bufferBytes, int readers, long partSize, FSDirectory directory, Lock lock) {
    this.path = path;
    this.bufferBytes = bufferBytes;
    this.readers = readers;
    this.partSize = partSize;
    this.directory = directory;
    this.lock = lock;
  }

  /**
   * Opens an index to write it; it is made when it is missing.
   *
   * @param bufferBytes memory for what is not written yet, 1 MiB or more
   * @param readers threads that read the log, 1 to {@link EntryScan#MAX_THREADS}
   * @throws IOException when it cannot be made, or another writer has it
   */
  public static LogIndexWriter open(Path path, long bufferBytes, int readers) throws IOException {
    return open(path, bufferBytes, readers, LogIndex.PART);
  }

  /**
   * Opens an index with parts of another size.
   *
   * @param partSize a multiple of a bundle's
   */
  static LogIndexWriter open(Path path, long bufferBytes, int readers, long partSize)
      throws IOException {
    StateFiles.createDirectory(path);
    FSDirectory directory = FSDirectory.open(path, NativeFSLockFactory.INSTANCE);
    boolean opened = false;
    try {
      Lock lock = directory.obtainLock(LOCK);
      opened = true;
      return new LogIndexWriter(path, bufferBytes, readers, partSize, directory, lock);
    } catch (LockObtainFailedException e) {
      throw new IOException(
          path + " is locked: a collector or another command writes this index", e);
    } finally {
      if (!opened) {
        directory.close();
      }
    }
  }

  /**
   * Indexes what of a log is not indexed yet. Parts that are not of the log or damaged are made
   * anew; parts of which the log has no entry any more are deleted.
   *
   * @param most entries to index, 1 or more
   * @param progress told of the entry up to which the log is indexed
   * @return the entry after the last one that is indexed; the index is whole when that is the size
   *     of the log
   * @throws IOException when the log cannot be read or the index cannot be written; what was
   *     indexed before is as it was
   */
  public long extend(LogDirectory log, long most, LongConsumer progress) throws IOException {
    prune(log);
    long left = most;
    for (long number = log.minimum() / partSize; ; number++) {
      long partEnd = Math.min(log.size(), (number + 1) * partSize);
      if (number * partSize >= log.size()) {
        return log.size();
      }
      if (whole.contains(number)) {
        continue;
      }
      PartWriter part = part(number, log);
      long begun = part.end();
      long end = Math.min(partEnd, begun + left);
      if (begun < end) {
        boolean isIndexed = false;
        try {
          index(log, part, end, progress);
          isIndexed = true;
        } finally {
          if (!isIndexed) {
            // It may have a part of an entry more than it says.
            closePart();
          }
        }
        left -= end - begun;
      }
      if (end < partEnd) {
        return end;
      }
      if (partEnd == (number + 1) * partSize) {
        closePart();
        whole.add(number);
      }
    }
  }

  private void index(LogDirectory log, PartWriter part, long end, LongConsumer progress)
      throws IOException {
    EntryFilter everything = new EntryFilter.Builder().build();
    new EntryScan(log, everything, EntryCandidates.ALL, progress)
        .threads(readers)
        .run(
            part.end(),
            end,
            new EntryScan.Sink() {
              @Override
              public boolean entry(AuditEntry entry) throws IOException {
                part.add(entry);
                return true;
              }

              @Override
              public boolean unreadable(long from, long to, String why) throws IOException {
                part.addUnreadable(to);
                return true;
              }
            });
    part.commit(log);
  }

  private PartWriter part(long number, LogDirectory log) throws IOException {
    PartWriter known = open;
    if (known != null && openPart == number) {
      return known;
    }
    closePart();
    Path at = LogIndex.part(path, number * partSize);
    long begin = Math.max(log.minimum(), number * partSize);
    PartWriter opened;
    try {
      opened = PartWriter.open(at, log, begin, bufferBytes);
    } catch (IOException e) {
      logger.warn("index {} is made anew: {}", at, e.getMessage());
      delete(at);
      opened = PartWriter.open(at, log, begin, bufferBytes);
    }
    open = opened;
    openPart = number;
    return opened;
  }

  private void closePart() throws IOException {
    PartWriter known = open;
    open = null;
    if (known != null) {
      known.close();
    }
  }

  /** Deletes the parts of which the log has no entry. */
  private void prune(LogDirectory log) throws IOException {
    for (Path part : LogIndex.parts(path)) {
      long begin = LogIndex.begin(part);
      if (begin + partSize <= log.minimum() || begin >= Math.max(1, log.size())) {
        logger.info("index {} is deleted: the log has none of its entries", part);
        if (open != null && begin == openPart * partSize) {
          closePart();
        }
        delete(part);
      }
    }
  }

  /** Deletes all of the index, so that it is made anew. */
  public void clear() throws IOException {
    closePart();
    whole.clear();
    for (Path part : LogIndex.parts(path)) {
      delete(part);
    }
  }

  private static void delete(Path part) throws IOException {
    try (DirectoryStream<Path> files = Files.newDirectoryStream(part)) {
      for (Path file : files) {
        Files.deleteIfExists(file);
      }
    } catch (NoSuchFileException e) {
      return;
    }
    Files.deleteIfExists(part);
  }

  @Override
  public void close() throws IOException {
    try {
      closePart();
    } finally {
      lock.close();
      directory.close();
    }
  }
}

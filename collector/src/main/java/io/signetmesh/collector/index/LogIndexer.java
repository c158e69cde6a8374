package io.signetmesh.collector.index;

import io.signetmesh.collector.query.LogDirectory;
import java.io.IOException;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Follows a log with its index, on threads of its own. It reads the log from its files, so that
 * whoever appends neither waits for it nor knows of it. When the index cannot be written, it tries
 * again later: nothing depends on it but the time that queries take.
 */
public final class LogIndexer implements AutoCloseable {
  /** Time between two looks at a log. What came meanwhile is not in the index. */
  public static final Duration PAUSE = Duration.ofSeconds(10);

  /** Entries of a step; there is a rest after each. */
  private static final long STEP = 1L << 17;

  /** A rest takes this many times as long as the step before it. */
  private static final int REST = 2;

  /** Left free of the file system: twice what the log leaves, so that the log goes on. */
  private static final long MOST_FREE = 2L << 30;

  private static final int FREE_PART = 10;
  private static final long SECOND = TimeUnit.SECONDS.toNanos(1);
  private static final Duration CLOSE = Duration.ofSeconds(30);

  private static final Logger logger = LoggerFactory.getLogger(LogIndexer.class);

  private final Path log;
  private final Path index;
  private final CountDownLatch closed = new CountDownLatch(1);
  private final Thread thread;
  private volatile long covered;
  private boolean isFailing;

  private LogIndexer(Path log, Path index) {
    this.log = log;
    this.index = index;
    this.thread = Thread.ofPlatform().name("audit-index").daemon().unstarted(this::run);
  }

  /**
   * Starts to follow a log.
   *
   * @param log its directory
   * @param index directory of the index; made when it is missing
   */
  public static LogIndexer start(Path log, Path index) {
    LogIndexer indexer = new LogIndexer(log, index);
    indexer.thread.start();
    return indexer;
  }

  /** The entry after the last one that is in the index, as far as is known. */
  public long covered() {
    return covered;
  }

  private void run() {
    try {
      while (!closed.await(0, TimeUnit.NANOSECONDS)) {
        try (LogIndexWriter writer =
            LogIndexWriter.open(index, LogIndexWriter.COLLECTOR_BUFFER, 1)) {
          follow(writer);
        } catch (IOException | RuntimeException | LinkageError e) {
          failed(e);
        }
        closed.await(PAUSE.toMillis(), TimeUnit.MILLISECONDS);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void follow(LogIndexWriter writer) throws IOException, InterruptedException {
    boolean isClosed = false;
    while (!isClosed) {
      long begun = System.nanoTime();
      requireFree();
      LogDirectory now = LogDirectory.open(log, null);
      covered = writer.extend(now, STEP, done -> {});
      if (isFailing) {
        isFailing = false;
        logger.info("the index of the audit log is written again");
      }
      long rest = Math.max(SECOND / 10, REST * (System.nanoTime() - begun));
      isClosed =
          closed.await(
              covered < now.size() ? rest : Math.max(rest, PAUSE.toNanos()), TimeUnit.NANOSECONDS);
    }
  }

  private void requireFree() throws IOException {
    FileStore store = Files.getFileStore(index);
    long least = Math.min(MOST_FREE, store.getTotalSpace() / FREE_PART);
    long free = store.getUsableSpace();
    if (free < least) {
      throw new IOException(
          "the file system has "
              + free
              + " bytes free: expected at least "
              + least
              + " to write the index");
    }
  }

  private void failed(Throwable e) {
    if (!isFailing) {
      isFailing = true;
      logger.warn(
          "the index {} cannot be written, which is tried again; queries read more of the log",
          index,
          e);
    }
  }

  /** Ends after the step that is under way, and waits for that. */
  @Override
  public void close() {
    closed.countDown();
    try {
      if (!thread.join(CLOSE)) {
        logger.warn("the index of the audit log is still being written");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}

package io.signetmesh.audit;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * The right to write to a journal: one writer at a time, among the journals of this process and
 * among processes. A proxy and its successor write to one file while the first one drains.
 *
 * <p>The lock is on a file of its own, {@code <journal>.lock}, which stays: the journal itself is
 * renamed when it has its full size. It is held for a batch of records. Locks of a process on a
 * file all end when any descriptor of that file is closed, so that journals of one process share
 * the descriptor. Something that is no regular file, such as a terminal, needs no lock.
 */
final class WriterLock implements AutoCloseable {
  /** Longest wait for another process: a batch takes milliseconds. */
  private static final Duration LIMIT = Duration.ofSeconds(1);

  private static final long LOOK_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

  private static final Map<Path, Shared> OPEN = new HashMap<>();

  private final Path file;
  private final Shared shared;
  private @Nullable FileLock held;
  private boolean closed;

  /** What the journals of this process share. */
  private static final class Shared {
    private final ReentrantLock mutex = new ReentrantLock();
    private final @Nullable FileChannel channel;
    private int users;

    Shared(@Nullable FileChannel channel) {
      this.channel = channel;
    }
  }

  private WriterLock(Path file, Shared shared) {
    this.file = file;
    this.shared = shared;
  }

  /**
   * The lock of a journal; nothing is locked yet.
   *
   * @param mode attributes of the lock's file, if it has to be made
   * @throws IOException when the lock's file cannot be made or opened
   */
  static WriterLock of(Path journal, FileAttribute<?> mode) throws IOException {
    Path file = journal.toAbsolutePath().normalize();
    synchronized (OPEN) {
      Shared shared = OPEN.get(file);
      if (shared == null) {
        shared = new Shared(open(file, mode));
        OPEN.put(file, shared);
      }
      shared.users++;
      return new WriterLock(file, shared);
    }
  }

  private static @Nullable FileChannel open(Path file, FileAttribute<?> mode) throws IOException {
    if (Files.exists(file) && !Files.isRegularFile(file)) {
      return null;
    }
    return FileChannel.open(
        file.resolveSibling(file.getFileName() + ".lock"),
        Set.of(StandardOpenOption.CREATE, StandardOpenOption.WRITE),
        mode);
  }

  /**
   * Waits for the lock, at most a second for another process.
   *
   * @throws IOException when another process keeps it
   */
  void acquire() throws IOException {
    shared.mutex.lock();
    boolean done = false;
    try {
      FileChannel channel = shared.channel;
      if (channel != null) {
        held = lock(channel);
      }
      done = true;
    } finally {
      if (!done) {
        shared.mutex.unlock();
      }
    }
  }

  private FileLock lock(FileChannel channel) throws IOException {
    long deadline = System.nanoTime() + LIMIT.toNanos();
    FileLock lock = channel.tryLock();
    while (lock == null) {
      if (System.nanoTime() - deadline >= 0) {
        throw new IOException(
            "another process has kept "
                + file
                + ".lock locked for "
                + LIMIT.toMillis()
                + " ms: expected a proxy that writes its records and lets go");
      }
      LockSupport.parkNanos(LOOK_NANOS);
      lock = channel.tryLock();
    }
    return lock;
  }

  /** Lets others write; by the thread that has acquired it. */
  void release() {
    FileLock lock = held;
    held = null;
    try {
      if (lock != null) {
        lock.release();
      }
    } catch (IOException e) {
      // The descriptor is gone, and the lock with it.
    } finally {
      shared.mutex.unlock();
    }
  }

  /** Gives the descriptor back; the lock must not be held. */
  @Override
  public void close() {
    synchronized (OPEN) {
      if (closed) {
        return;
      }
      closed = true;
      FileChannel channel = shared.channel;
      if (--shared.users > 0) {
        return;
      }
      OPEN.remove(file);
      try {
        if (channel != null) {
          channel.close();
        }
      } catch (IOException e) {
        // Nothing was written to it.
      }
    }
  }
}

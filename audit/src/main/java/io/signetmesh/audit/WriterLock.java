package io.signetmesh.audit;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileAttribute;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
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
 * renamed when it has its full size. Where somebody has removed it all the same, it is made anew
 * before the next batch. It is held for a batch of records. Locks of a process on a file all end
 * when any descriptor of that file is closed, so that journals of one process share the descriptor.
 * Something that is no regular file, such as a terminal, needs no lock.
 */
final class WriterLock implements AutoCloseable {
  /** Longest wait for another process: a batch takes milliseconds. */
  private static final Duration LIMIT = Duration.ofSeconds(1);

  private static final long LOOK_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

  private static final Map<Path, Shared> OPEN = new HashMap<>();

  private final Path file;
  private final FileAttribute<?> mode;
  private final Shared shared;
  private @Nullable FileLock held;
  private boolean closed;

  /** What the journals of this process share. */
  private static final class Shared {
    private final ReentrantLock mutex = new ReentrantLock();
    private volatile @Nullable Opened opened;
    private int users;

    Shared(@Nullable Opened opened) {
      this.opened = opened;
    }
  }

  /**
   * @param key which file it is: another may have its name by now
   */
  private record Opened(FileChannel channel, @Nullable Object key) {}

  private WriterLock(Path file, FileAttribute<?> mode, Shared shared) {
    this.file = file;
    this.mode = mode;
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
        boolean regular = !Files.exists(file) || Files.isRegularFile(file);
        shared = new Shared(regular ? open(file, mode) : null);
        OPEN.put(file, shared);
      }
      shared.users++;
      return new WriterLock(file, mode, shared);
    }
  }

  private static Opened open(Path file, FileAttribute<?> mode) throws IOException {
    FileChannel channel =
        FileChannel.open(
            lockOf(file), Set.of(StandardOpenOption.CREATE, StandardOpenOption.WRITE), mode);
    return new Opened(channel, key(file));
  }

  private static Path lockOf(Path file) {
    return file.resolveSibling(file.getFileName() + ".lock");
  }

  /** Which file has the lock's name; null when there is none. */
  private static @Nullable Object key(Path file) throws IOException {
    try {
      return Files.readAttributes(lockOf(file), BasicFileAttributes.class).fileKey();
    } catch (NoSuchFileException e) {
      return null;
    }
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
      Opened opened = shared.opened;
      if (opened != null) {
        held = lock(opened);
      }
      done = true;
    } finally {
      if (!done) {
        shared.mutex.unlock();
      }
    }
  }

  private FileLock lock(Opened found) throws IOException {
    Opened opened = found;
    long deadline = System.nanoTime() + LIMIT.toNanos();
    while (true) {
      FileLock lock = tryLock(opened.channel());
      if (lock != null && isCurrent(lock, opened)) {
        return lock;
      }
      if (System.nanoTime() - deadline >= 0) {
        throw new IOException(
            "another process has kept "
                + file
                + ".lock locked for "
                + LIMIT.toMillis()
                + " ms: expected a proxy that writes its records and lets go");
      }
      if (lock != null) {
        // A lock on a file that was removed keeps nobody out who has opened it since.
        Opened removed = opened;
        opened = open(file, mode);
        shared.opened = opened;
        removed.channel().close();
      } else {
        LockSupport.parkNanos(LOOK_NANOS);
      }
    }
  }

  /** Lets go of a lock on a file that does not have the lock's name any more. */
  private boolean isCurrent(FileLock lock, Opened opened) throws IOException {
    boolean current = false;
    try {
      current = Objects.equals(opened.key(), key(file));
    } finally {
      if (!current) {
        lock.release();
      }
    }
    return current;
  }

  /** Null when somebody has it, also a part of this process that gives the file another name. */
  private static @Nullable FileLock tryLock(FileChannel channel) throws IOException {
    try {
      return channel.tryLock();
    } catch (OverlappingFileLockException e) {
      return null;
    }
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
      Opened opened = shared.opened;
      if (--shared.users > 0) {
        return;
      }
      OPEN.remove(file);
      try {
        if (opened != null) {
          opened.channel().close();
        }
      } catch (IOException e) {
        // Nothing was written to it.
      }
    }
  }
}

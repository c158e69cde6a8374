package io.signetmesh.audit;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The thread that writes the journals of a process. Journals that are opened for one file write to
 * it in turns, as one sequence. The thread works in batches: while records keep coming, it looks at
 * all journals every 10 ms, and producers need not wake it.
 *
 * <p>Each journal has room of its own for {@value #OWN_RECORDS} records that wait. Above that, all
 * journals of the process share room for {@value #SHARED_RECORDS}. So a journal that gets more
 * records than can be written loses its own, and never those of others.
 *
 * <p>A file that cannot be written because the disk does not answer delays its own journals only,
 * if {@link #look} is called again and again.
 */
public final class JournalWriter implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(JournalWriter.class);

  /** Records of a journal that may wait whatever others do. */
  static final int OWN_RECORDS = 1_024;

  /** Records beyond that, of all journals. */
  static final int SHARED_RECORDS = 65_536;

  /** Pause between looks at the journals while records keep coming. */
  private static final long BATCH_NANOS = Duration.ofMillis(10).toNanos();

  /** Looks without anything to write after which the thread parks until it is woken. */
  private static final int IDLE_LOOKS = 10;

  /** A batch that takes so long is not waited for. */
  private static final Duration HUNG = Duration.ofMillis(200);

  /** Threads that do not come back from the disk, at most. */
  private static final int MOST_HUNG = 16;

  private final ConcurrentHashMap<Path, JournalFile> byPath = new ConcurrentHashMap<>();
  private final List<JournalFile> files = new CopyOnWriteArrayList<>();

  /** Records that wait in the shared room. */
  private final AtomicInteger shared = new AtomicInteger();

  private volatile @Nullable Worker worker;
  private volatile boolean parked;
  private volatile boolean closed;

  private final ThreadFactory threads;

  /** Guarded by this. */
  private int hung;

  /** Whether a thread could not be started. Guarded by this. */
  private boolean lacking;

  /** Starts without thread: it starts with the first journal. */
  public JournalWriter() {
    this(Thread.ofPlatform().daemon().name("audit-journal").factory());
  }

  JournalWriter(ThreadFactory threads) {
    this.threads = threads;
  }

  /**
   * Opens a journal: removes an incomplete last line of the file, and continues after its last
   * sequence number. If the file is open, also for another workload, the journal writes to it in
   * turns with the others; then the limits of the file are those of the first one.
   *
   * @param workload {@code namespace/name} whose losses a gap record states; null: no workload's
   * @throws IOException when the file cannot be created, read or repaired
   */
  public Journal open(JournalConfig config, @Nullable String workload, InstantSource clock)
      throws IOException {
    return open(config, workload, clock, JournalFiles::open);
  }

  Journal open(JournalConfig config, @Nullable String workload, InstantSource clock, Opener opener)
      throws IOException {
    // First: without a thread there is no journal.
    begin();
    Path path = config.file().toAbsolutePath().normalize();
    while (true) {
      JournalFile file =
          byPath.computeIfAbsent(path, key -> new JournalFile(config, clock, opener));
      Journal journal = new Journal(config, workload, this, file);
      switch (file.join(journal)) {
        case FIRST -> files.add(file);
        case JOINED -> {}
        case ENDED -> {
          // Its last journal has just been closed.
          byPath.remove(path, file);
          continue;
        }
      }
      wake();
      return journal;
    }
  }

  /** Opens the file that is written to; a seam for tests of disk errors. */
  @FunctionalInterface
  interface Opener {
    FileChannel open(Path file) throws IOException;
  }

  private synchronized void begin() {
    if (worker == null && !closed) {
      work();
    }
  }

  /** Starts a thread, which goes on when this monitor is free. */
  private void work() {
    Worker made = new Worker();
    made.thread.start();
    worker = made;
  }

  /** Whether one more record may wait in the shared room. */
  boolean takeShared() {
    if (shared.get() >= SHARED_RECORDS) {
      return false;
    }
    shared.incrementAndGet();
    return true;
  }

  /** Whether there is room in the shared room; may have changed since. */
  boolean hasSharedRoom() {
    return shared.get() < SHARED_RECORDS;
  }

  void giveBackShared(int records) {
    shared.addAndGet(-records);
  }

  void wakeIfParked() {
    if (parked) {
      wake();
    }
  }

  void wake() {
    parked = false;
    Worker now = worker;
    if (now != null) {
      LockSupport.unpark(now.thread);
    }
  }

  /**
   * Has another thread go on when the disk does not answer, or when the thread has ended. To be
   * called several times a second where more than one file is written. Throws nothing: when no
   * thread can be started, the next call tries again.
   */
  public synchronized void look() {
    try {
      if (!closed) {
        replaceIfNeeded();
        lacking = false;
      }
    } catch (Throwable e) {
      if (!lacking) {
        lacking = true;
        log.error("no thread can be started for audit journals, which may lose records", e);
      }
    }
  }

  private synchronized void replaceIfNeeded() {
    Worker now = worker;
    if (now == null) {
      return;
    }
    if (!now.thread.isAlive()) {
      work();
      log.error("the thread of audit journals has ended: another one goes on");
    } else if (now.hangs() && hung < MOST_HUNG) {
      work();
      hung++;
      log.warn("an audit journal cannot be written for {}: others go on", HUNG);
    }
  }

  /** Whether a thread is the one that writes; waits until it is known which one that is. */
  private synchronized boolean isWorker(Worker self) {
    return worker == self;
  }

  private synchronized void ends(Worker self) {
    if (worker != self) {
      hung--;
    }
  }

  /** Ends the thread. Close the journals first. */
  @Override
  public synchronized void close() {
    closed = true;
    wake();
  }

  private boolean isDone(Worker self) {
    return worker != self || (closed && files.isEmpty());
  }

  /** A thread; there is one, unless some do not come back from the disk. */
  private final class Worker implements Runnable {
    private final Thread thread = threads.newThread(this);

    private volatile boolean inFile;
    private volatile long begun;

    boolean hangs() {
      return inFile && System.nanoTime() - begun > HUNG.toNanos();
    }

    @Override
    public void run() {
      if (!isWorker(this)) {
        return;
      }
      try {
        int idle = 0;
        while (!isDone(this)) {
          idle = writeAll() ? 0 : idle + 1;
          if (isDone(this)) {
            break;
          }
          if (idle < IDLE_LOOKS) {
            LockSupport.parkNanos(JournalWriter.this, BATCH_NANOS);
          } else {
            parked = true;
            if (files.stream().noneMatch(JournalFile::hasWork) && !closed) {
              park();
            }
            parked = false;
            idle = 0;
          }
        }
      } finally {
        ends(this);
      }
    }

    /** Until it is woken, or a head is due. */
    private void park() {
      long due = Long.MAX_VALUE;
      for (JournalFile file : files) {
        due = Math.min(due, file.nanosToWork());
      }
      if (due == Long.MAX_VALUE) {
        LockSupport.park(JournalWriter.this);
      } else {
        LockSupport.parkNanos(JournalWriter.this, Math.max(BATCH_NANOS, due));
      }
    }

    private boolean writeAll() {
      boolean busy = false;
      for (JournalFile file : files) {
        if (!file.enter()) {
          // Another thread has not come back from it.
          continue;
        }
        begun = System.nanoTime();
        inFile = true;
        try {
          busy |= file.writeBatch();
          if (file.takeLeave()) {
            files.remove(file);
            byPath.values().remove(file);
          }
        } catch (Throwable e) {
          // Also an error: this thread writes the journals of all workloads.
          log.error("audit journal {} was not written", file, e);
        } finally {
          inFile = false;
          file.leave();
        }
        if (worker != this) {
          break;
        }
      }
      return busy;
    }
  }
}

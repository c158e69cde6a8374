package io.signetmesh.audit;

import java.io.IOException;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;
import org.jctools.queues.MpscChunkedArrayQueue;
import org.jspecify.annotations.Nullable;

/**
 * Takes the records of one workload, or of one server, for a file with one JSON object per line
 * (docs/security/audit-format.md). Records are in order. Each has a sequence number, without gaps,
 * also across restarts. Several journals may share a file.
 *
 * <p>Producers put records into a bounded lock-free queue, and a {@link JournalWriter} formats and
 * writes them. When there is no room or a write fails, records are lost. They are counted, and a
 * gap record states their number as soon as writing is possible again.
 *
 * <p>Several processes can write to one file. Each batch is written under a {@link WriterLock},
 * after the last line in the file. This happens while a proxy drains and its successor already
 * serves.
 */
public final class Journal implements AuditLog, AutoCloseable {
  private static final int CHUNK = 128;
  private static final long CLOSE_SECONDS = 5;

  private final int capacity;
  private final boolean blocking;
  private final @Nullable String workload;
  private final JournalWriter writer;
  private final JournalFile file;
  private final MpscChunkedArrayQueue<AuditEvent> queue;

  /** Records in the queue, or about to be, that take shared room. */
  private final AtomicInteger shared = new AtomicInteger();

  /**
   * Places of a journal that blocks which are taken or kept. Never more than its capacity, so that
   * who has one is not turned away by the queue.
   */
  private final AtomicInteger places = new AtomicInteger();

  private final LongAdder refused = new LongAdder();
  private final LongAdder lost = new LongAdder();
  private final LongAdder written = new LongAdder();
  private final CountDownLatch ended = new CountDownLatch(1);
  private volatile boolean closed;

  /** Whether nothing is written any more. */
  private volatile boolean over;

  private volatile @Nullable HeadSigner signer;

  private boolean ownWriter;

  /** What is formatted and not written yet. Confined to the writer's thread. */
  private final Pending pending = new Pending();

  /** Records that were polled and whose room is not given back. Confined to the writer's thread. */
  private int polled;

  /** Losses that gap records state. Confined to the writer's thread. */
  private long stated;

  /** What a batch has of a journal until it is written. */
  static final class Pending {
    long records;

    /** What the records stand for. */
    long events;

    int gaps;
    long stated;

    void add(AuditEvent event) {
      records++;
      events += event.count();
    }

    void forget() {
      records = 0;
      events = 0;
      gaps = 0;
      stated = 0;
    }
  }

  Journal(JournalConfig config, @Nullable String workload, JournalWriter writer, JournalFile file) {
    this.capacity = config.queueCapacity();
    this.blocking = config.blocking();
    this.workload = workload;
    this.writer = writer;
    this.file = file;
    this.queue = new MpscChunkedArrayQueue<>(Math.min(CHUNK, capacity / 2), capacity);
  }

  /**
   * Opens the only journal of a process, with a thread of its own, for no workload.
   *
   * @throws IOException when the file cannot be created, read or repaired
   */
  public static Journal open(JournalConfig config, InstantSource clock) throws IOException {
    return open(config, clock, JournalFiles::open);
  }

  static Journal open(JournalConfig config, InstantSource clock, JournalWriter.Opener opener)
      throws IOException {
    JournalWriter writer = new JournalWriter();
    try {
      Journal journal = writer.open(config, null, clock, opener);
      journal.ownWriter = true;
      return journal;
    } catch (IOException | RuntimeException | Error e) {
      writer.close();
      throw e;
    }
  }

  /** Records an event, or counts it as lost. */
  @Override
  public void record(AuditEvent event) {
    if (!offer(event)) {
      lose(event);
    }
  }

  /**
   * Records an event if there is room. In a journal that blocks, what is recorded in this way
   * leaves half of the room to what lets traffic in: a flood of denials refuses nobody.
   *
   * @return false when it is neither recorded nor counted as lost
   */
  public boolean offer(AuditEvent event) {
    if (closed) {
      return false;
    }
    if (blocking) {
      boolean has = takePlace(capacity / 2, JournalWriter.OWN_RECORDS / 2);
      if (has) {
        recordReserved(event);
      }
      return has;
    }
    boolean inShared = queue.size() >= JournalWriter.OWN_RECORDS;
    if (inShared && !takeShared()) {
      return false;
    }
    if (!queue.offer(event)) {
      if (inShared) {
        giveBackShared(1, 0);
      }
      return false;
    }
    writer.wakeIfParked();
    return true;
  }

  /**
   * Whether traffic that needs no record of its own may go on: as {@link #admit}, but nothing is
   * recorded.
   */
  public boolean admitsUnrecorded() {
    boolean may = !blocking || (isWritable() && places.get() < capacity);
    if (!may) {
      refused.increment();
    }
    return may;
  }

  @Override
  public boolean admit(AuditEvent event) {
    if (!reserve()) {
      return false;
    }
    recordReserved(event);
    return true;
  }

  /**
   * In a journal that blocks, takes a place in the queue. There is none when the journal has been
   * closed, or its file could not be written when it was last tried.
   */
  @Override
  public boolean reserve() {
    boolean has = !blocking || (isWritable() && takePlace(capacity, JournalWriter.OWN_RECORDS));
    if (!has) {
      refused.increment();
    }
    return has;
  }

  /** Gives back room that was kept for an event that needs no record of its own. */
  public void release() {
    if (blocking) {
      giveBackShared(1, Math.max(0, places.decrementAndGet() - JournalWriter.OWN_RECORDS));
    }
  }

  private boolean isWritable() {
    return !closed && !file.isFailing();
  }

  @Override
  public void recordReserved(AuditEvent event) {
    if (!blocking) {
      record(event);
    } else if (over || !queue.offer(event)) {
      places.decrementAndGet();
      lose(event);
    } else {
      writer.wakeIfParked();
    }
  }

  /**
   * Takes a place.
   *
   * @param most places that may be taken
   * @param own places that may be taken when others have taken all shared room
   */
  private boolean takePlace(int most, int own) {
    int place;
    do {
      place = places.get();
      if (place >= most || (place >= own && !writer.hasSharedRoom())) {
        return false;
      }
    } while (!places.compareAndSet(place, place + 1));
    if (place >= JournalWriter.OWN_RECORDS && !takeShared()) {
      places.decrementAndGet();
      return false;
    }
    return true;
  }

  private boolean takeShared() {
    if (!writer.takeShared()) {
      return false;
    }
    shared.incrementAndGet();
    if (over) {
      // Nobody polls any more.
      giveBackShared(Integer.MAX_VALUE, 0);
    }
    return true;
  }

  /**
   * Gives back shared room, never more than was taken.
   *
   * @param most records to give back, at most
   * @param kept records whose room is kept
   */
  private void giveBackShared(int most, int kept) {
    int taken;
    int back;
    do {
      taken = shared.get();
      back = Math.min(most, taken - kept);
      if (back <= 0) {
        return;
      }
    } while (!shared.compareAndSet(taken, taken - back));
    writer.giveBackShared(back);
  }

  /** Number of records written since the journal was opened, without gap records. */
  public long written() {
    return written.sum();
  }

  /** Number of records lost since the journal was opened. */
  public long lost() {
    return lost.sum();
  }

  /** Number of times that traffic was refused because it could not be recorded. */
  public long refused() {
    return refused.sum();
  }

  /** Number of failed attempts to write to the file since the first journal opened it. */
  public long writeErrors() {
    return file.writeErrors();
  }

  /** The current file of the journal. */
  public Path file() {
    return file.path();
  }

  /** Older files that are kept beside the current one, 1 or more. */
  public int keptFiles() {
    return file.keptFiles();
  }

  /**
   * Number of the last record in the files. It stays, whatever fails from now on; what is read
   * behind it may be taken back. Does not know of records that other processes have written since
   * this one looked last, see {@link #look()}.
   */
  public long committed() {
    return file.committed();
  }

  /** Looks, soon and on the writer's thread, at what other processes have written. */
  public void look() {
    file.wantLook();
    writer.wake();
  }

  /**
   * Has somebody told, on the writer's thread, whenever {@link #committed()} has grown.
   *
   * @param listener must not block nor throw
   * @return ends that
   */
  public Runnable onWritten(Runnable listener) {
    return file.onWritten(listener);
  }

  /** Number of the last record that was in the files when they were opened. */
  public long recovered() {
    return file.recovered();
  }

  /**
   * Gives the journal another id from a record on, because the numbers from there on were given
   * before. Does nothing where that has been done.
   *
   * @param known the id that is wrong
   * @param first number of that record
   * @throws IOException when the id cannot be written
   */
  public void replaceId(JournalId known, long first) throws IOException {
    file.changeId(known, JournalId.random(first));
  }

  /**
   * It is known that no number of a journal was given twice.
   *
   * @throws IOException when that cannot be written
   */
  public void confirmId(JournalId known) throws IOException {
    file.changeId(known, known.sure());
  }

  /**
   * Has heads written from now on, about one a second while there are records. Where several
   * journals share the file, the one that was opened last and can sign does it for all.
   *
   * @param by is not asked any more once the journal has been closed
   */
  public void signHeads(HeadSigner by) {
    signer = by;
    file.signHeads();
    writer.wake();
  }

  /** Number of records that this process has written to the file and that no head covers. */
  public long uncovered() {
    return file.uncovered();
  }

  /** Number of records that wait to be written. */
  public int queued() {
    return queue.size();
  }

  /** Writes the queued records and leaves the file. Waits up to five seconds for that. */
  @Override
  public void close() {
    closed = true;
    writer.wake();
    boolean interrupted = false;
    try {
      ended.await(CLOSE_SECONDS, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      interrupted = true;
    }
    if (ownWriter) {
      writer.close();
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  // ---- for the writer's thread

  @Nullable String workload() {
    return workload;
  }

  boolean isClosed() {
    return closed;
  }

  /** Who signs heads; null when nobody does. */
  @Nullable HeadSigner signer() {
    return signer;
  }

  /** Whether something waits to be written. */
  boolean hasWork() {
    return closed || !queue.isEmpty() || lost.sum() != stated;
  }

  @Nullable AuditEvent poll() {
    AuditEvent event = queue.poll();
    if (event != null) {
      polled++;
    }
    return event;
  }

  /** Gives back the room of what was polled. */
  void polled() {
    int waiting = blocking ? places.addAndGet(-polled) : queue.size();
    polled = 0;
    giveBackShared(Integer.MAX_VALUE, Math.max(0, waiting - JournalWriter.OWN_RECORDS));
  }

  Pending pending() {
    return pending;
  }

  void lose(AuditEvent event) {
    lost.add(event.count());
  }

  /** Losses that no gap record states yet. They count as stated from now on. */
  long stateLosses() {
    long unstated = lost.sum() - stated;
    stated += unstated;
    pending.stated += unstated;
    return unstated;
  }

  /** A loss that the file states. */
  void loseStated() {
    lost.increment();
    stated++;
  }

  /** What is pending is in the file. */
  void written(Pending done) {
    written.add(done.records);
    done.forget();
  }

  /** What is pending is lost, with what it states. */
  void losePending() {
    lost.add(pending.events);
    stated -= pending.stated;
    pending.forget();
  }

  /** Nothing is written any more. */
  void ended() {
    over = true;
    giveBackShared(Integer.MAX_VALUE, 0);
    ended.countDown();
  }
}

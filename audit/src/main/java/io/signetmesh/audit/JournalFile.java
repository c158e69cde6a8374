package io.signetmesh.audit;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.LongAdder;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The file of one or more journals of this process. The thread that has entered it owns all its
 * state, but for what is guarded.
 *
 * <p>Longer than 500 lines: what is written, what is lost and how far heads cover it are one state.
 */
final class JournalFile {
  private static final Logger log = LoggerFactory.getLogger(JournalFile.class);

  /** Bytes gathered before they are handed to the kernel. */
  private static final int WRITE_SIZE = 64 * 1024;

  /** Records of a journal that are taken before the next one has its turn. */
  private static final int TURN = 256;

  /** Records of a batch, for which the lock is held. */
  private static final int MOST_OF_BATCH = 16 * 1024;

  private static final Duration RETRY_AFTER_ERROR = Duration.ofSeconds(1);

  private final JournalConfig config;
  private final InstantSource clock;
  private final JournalDisk disk;
  private final JournalChain chain;
  private final LongAdder writeErrors = new LongAdder();
  private final JsonLine line = new JsonLine();
  private final List<Journal> journals = new CopyOnWriteArrayList<>();
  private final List<Runnable> listeners = new CopyOnWriteArrayList<>();
  private final AtomicBoolean entered = new AtomicBoolean();

  /** Guarded by this. */
  private boolean opened;

  /** Guarded by this. */
  private boolean ended;

  /** Journals that were closed before the last batch. */
  private List<Journal> closing = List.of();

  private @Nullable WriterLock lock;
  private long sequence;

  /** Number of the last line when the file was opened. */
  private volatile long recovered;

  /** Number of the last line that stays, whatever fails from now on. */
  private volatile long committed;

  /** Whether somebody wants to know what others have written. */
  private volatile boolean lookWanted;

  /** Records of no journal of this process that were cut off, and are not stated yet. */
  private long cut;

  private boolean cutPending;

  /** The head that is written now. */
  private @Nullable JournalHead headPending;

  private long retryAtNanos;

  /** Whether the last attempt to write failed. Others read it. */
  private volatile boolean failing;

  /** What has become of a journal that was to join. */
  enum Joined {
    FIRST,
    JOINED,
    ENDED
  }

  JournalFile(JournalConfig config, InstantSource clock, JournalWriter.Opener opener) {
    this.config = config;
    this.clock = clock;
    this.disk = new JournalDisk(config, opener);
    this.chain = new JournalChain(config.file());
  }

  /**
   * Adds a journal. The first one opens the file.
   *
   * @throws IOException when that fails; the file has ended
   */
  synchronized Joined join(Journal journal) throws IOException {
    if (ended) {
      return Joined.ENDED;
    }
    boolean first = !opened;
    if (first) {
      ended = true;
      JournalFiles.createDirectory(config.file());
      lock = WriterLock.of(config.file(), JournalFiles.privateFile());
      recover();
      if (cut > 0) {
        journal.loseStated();
      }
      ended = false;
      opened = true;
    }
    journals.add(journal);
    return first ? Joined.FIRST : Joined.JOINED;
  }

  private WriterLock lock() {
    return Objects.requireNonNull(lock);
  }

  long writeErrors() {
    return writeErrors.sum();
  }

  Path path() {
    return config.file();
  }

  int keptFiles() {
    return config.keptFiles();
  }

  /** Whether the file could not be written when it was last tried. */
  boolean isFailing() {
    return failing;
  }

  long committed() {
    return committed;
  }

  /** Has the thread look at what other processes have written. */
  void wantLook() {
    lookWanted = true;
  }

  /** Has somebody told after each batch that was written; returns what ends that. */
  Runnable onWritten(Runnable listener) {
    listeners.add(listener);
    return () -> listeners.remove(listener);
  }

  long recovered() {
    return recovered;
  }

  /** Gives the journal another id, unless it has another one already. On any thread. */
  void changeId(JournalId known, JournalId to) throws IOException {
    lock().acquire();
    try {
      if (known.equals(JournalId.read(config.file()))) {
        to.write(config.file());
      }
    } finally {
      lock().release();
    }
  }

  /** Makes the file the calling thread's; false when another one has it. */
  boolean enter() {
    return entered.compareAndSet(false, true);
  }

  void leave() {
    entered.set(false);
  }

  void signHeads() {
    // The newest journal that can: those before it may be about to end.
    chain.signBy(
        () ->
            List.copyOf(journals).reversed().stream()
                .flatMap(journal -> Stream.ofNullable(journal.signer()))
                .toList());
  }

  long uncovered() {
    return chain.uncovered();
  }

  /** Time until a head is due; the longest there is when none is. */
  long nanosToHead() {
    return chain.nanosToHead();
  }

  /** Time until there is something to do without a record; the longest there is for never. */
  long nanosToWork() {
    return Math.min(nanosToHead(), disk.nanosToForce());
  }

  /** Whether something waits to be written. */
  boolean hasWork() {
    return cut > 0
        || lookWanted
        || nanosToWork() == 0
        || journals.stream().anyMatch(Journal::hasWork);
  }

  /**
   * Writes what waits.
   *
   * @return whether there was something to write
   */
  boolean writeBatch() {
    if (!hasWork()) {
      return false;
    }
    lookWanted = false;
    closing = journals.stream().filter(Journal::isClosed).toList();
    long before = committed;
    boolean over;
    do {
      over = write() < MOST_OF_BATCH;
    } while (!over && !closing.isEmpty());
    if (committed != before) {
      listeners.forEach(JournalFile::tell);
    }
    return true;
  }

  /**
   * Takes leave of the journals that were closed before the last batch, and ends the file with the
   * last journal.
   *
   * @return whether the file has ended
   */
  synchronized boolean takeLeave() {
    List<Journal> leaving = closing;
    closing = List.of();
    journals.removeAll(leaving);
    boolean last = journals.isEmpty();
    if (last) {
      ended = true;
      disk.close();
      lock().close();
    }
    leaving.forEach(Journal::ended);
    return last;
  }

  private static void tell(Runnable listener) {
    try {
      listener.run();
    } catch (RuntimeException e) {
      log.error("somebody was not told of audit records that are written", e);
    }
  }

  private int write() {
    if (isPaused() || !acquire()) {
      return lose();
    }
    try {
      int taken = drain();
      flush();
      boolean last = !closing.isEmpty() && closing.size() == journals.size();
      if (nanosToHead() == 0 || (last && taken < MOST_OF_BATCH && chain.isDue())) {
        writeHead();
      }
      if (disk.nanosToForce() == 0) {
        force();
      }
      return taken;
    } catch (Throwable e) {
      loseBatch(e);
      return MOST_OF_BATCH;
    } finally {
      lock().release();
    }
  }

  private void force() {
    try {
      disk.force();
    } catch (IOException e) {
      failed(e);
    }
  }

  private boolean isPaused() {
    return failing && System.nanoTime() - retryAtNanos < 0;
  }

  /** Takes the lock and looks where to go on; false when nothing can be written now. */
  private boolean acquire() {
    try {
      lock().acquire();
    } catch (Throwable e) {
      failed(e);
      return false;
    }
    try {
      goOnAfter(disk.look(sequence));
      return true;
    } catch (Throwable e) {
      disk.close();
      lock().release();
      failed(e);
      return false;
    }
  }

  private int lose() {
    int taken = 0;
    for (Journal journal : journals) {
      int mine = 0;
      AuditEvent event;
      while (mine < config.queueCapacity() && (event = journal.poll()) != null) {
        mine++;
        journal.lose(event);
      }
      journal.polled();
      taken += mine;
    }
    return taken;
  }

  /** Takes records of all journals, in turns. */
  private int drain() {
    int taken = 0;
    int last;
    do {
      last = taken;
      for (Journal journal : journals) {
        taken += drain(journal);
      }
    } while (taken > last && taken < MOST_OF_BATCH);
    if (!isPaused()) {
      journals.forEach(this::stateLosses);
    }
    return taken;
  }

  private int drain(Journal journal) {
    int taken = 0;
    AuditEvent event;
    while (taken < TURN && (event = journal.poll()) != null) {
      taken++;
      if (isPaused()) {
        journal.lose(event);
        continue;
      }
      try {
        stateLosses(journal);
      } catch (Throwable e) {
        journal.lose(event);
        throw e;
      }
      append(journal, event);
      if (line.length() >= WRITE_SIZE) {
        flush();
        if (nanosToHead() == 0) {
          writeHead();
        }
      }
    }
    journal.polled();
    return taken;
  }

  private void append(Journal journal, AuditEvent event) {
    long number = ++sequence;
    int mark = line.length();
    try {
      switch (event) {
        case DecisionEvent decision -> line.decision(number, decision);
        case AdministrativeEvent act -> line.administrative(number, act);
      }
      journal.pending().add(event);
    } catch (Throwable e) {
      // A record that cannot be formatted must not end the writer.
      line.truncate(mark);
      sequence--;
      journal.lose(event);
      log.error("audit record could not be formatted", e);
    }
  }

  private void stateLosses(Journal journal) {
    stateCut();
    long lost = journal.stateLosses();
    if (lost > 0) {
      line.gap(sequence + 1, clock.millis(), lost, journal.workload());
      sequence++;
      journal.pending().gaps++;
    }
  }

  private void stateCut() {
    if (cut > 0 && !cutPending) {
      line.gap(sequence + 1, clock.millis(), cut, null);
      sequence++;
      cutPending = true;
    }
  }

  private void flush() {
    if (line.length() == 0) {
      return;
    }
    try {
      disk.write(line.array(), line.length(), committed);
      wrote();
      journals.forEach(journal -> journal.written(journal.pending()));
      if (cutPending) {
        cut = 0;
        cutPending = false;
      }
      line.clear();
      if (failing) {
        failing = false;
        log.info("audit journal {} is written again", config.file());
      }
      disk.rotateIfFull();
    } catch (Throwable e) {
      loseBatch(e);
    }
  }

  /** What was gathered is in the file. */
  private void wrote() {
    JournalHead head = headPending;
    if (head == null) {
      chain.wrote(committed + 1, sequence - committed, line.array(), line.length());
    } else {
      headPending = null;
      chain.wrote(head);
    }
    committed = sequence;
  }

  /** Writes a head after all that is in the file. Nothing may be gathered. */
  private void writeHead() {
    JournalHead head = isPaused() ? null : chain.next(sequence + 1, clock.millis(), line);
    if (head != null) {
      sequence++;
      headPending = head;
      flush();
    }
  }

  /** What was gathered is lost. Its numbers are taken back so that the sequence has no holes. */
  private void loseBatch(Throwable cause) {
    for (Journal journal : journals) {
      sequence -= journal.pending().records + journal.pending().gaps;
      journal.losePending();
    }
    if (cutPending) {
      sequence--;
      cutPending = false;
    }
    if (headPending != null) {
      sequence--;
      headPending = null;
    }
    line.clear();
    disk.cutBack();
    failed(cause);
  }

  private void failed(Throwable e) {
    writeErrors.increment();
    retryAtNanos = System.nanoTime() + RETRY_AFTER_ERROR.toNanos();
    if (!failing) {
      failing = true;
      log.error("audit journal {} cannot be written: {}", config.file(), e.toString());
    }
  }

  private void recover() throws IOException {
    try {
      lock().acquire();
      try {
        goOnAfter(disk.recover());
        recovered = sequence;
      } finally {
        lock().release();
      }
    } catch (Throwable e) {
      lock().close();
      throw e;
    }
  }

  private void goOnAfter(JournalDisk.Found found) {
    if (found.cut()) {
      // The cut record is lost, and says so.
      cut++;
      if (!journals.isEmpty()) {
        journals.getFirst().loseStated();
      }
    }
    chain.goOn(found, disk.position());
    sequence = found.sequence();
    committed = sequence;
  }

  @Override
  public String toString() {
    return config.file().toString();
  }
}

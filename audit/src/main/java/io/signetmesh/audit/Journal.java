package io.signetmesh.audit;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;
import org.jctools.queues.MpscArrayQueue;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Writes records to a file, one JSON object per line (docs/security/audit-format.md). Records are
 * in order. Each has a sequence number, without gaps, also across restarts.
 *
 * <p>Producers put records into a bounded lock-free queue, and one thread formats and writes them.
 * When the queue is full or a write fails, records are lost. They are counted, and a gap record
 * states their number as soon as writing is possible again. The writer works in batches: while
 * records keep coming, it polls the queue every 10 ms, and producers need not wake it.
 *
 * <p>Several journals, also of several processes, can write to one file. Each batch is written
 * under a {@link WriterLock}, after the last line in the file. This happens while a proxy drains
 * and its successor already serves.
 */
public final class Journal implements AuditLog, AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(Journal.class);
  private static final Set<PosixFilePermission> PRIVATE_FILE =
      PosixFilePermissions.fromString("rw-------");

  /** Bytes gathered before they are handed to the kernel. */
  private static final int WRITE_SIZE = 64 * 1024;

  /** Pause between looks at the queue while records keep coming. */
  private static final long BATCH_NANOS = Duration.ofMillis(10).toNanos();

  /** Idle looks at the queue after which the writer parks until it is woken. */
  private static final int IDLE_LOOKS = 10;

  private static final Duration RETRY_AFTER_ERROR = Duration.ofSeconds(1);

  private final JournalConfig config;
  private final InstantSource clock;
  private final Opener opener;
  private final WriterLock lock;
  private final MpscArrayQueue<AuditEvent> queue;
  private final LongAdder lost = new LongAdder();
  private final LongAdder written = new LongAdder();
  private final LongAdder writeErrors = new LongAdder();
  private final JsonLine line = new JsonLine();
  private final Thread writer;
  private volatile boolean parked;
  private volatile boolean closed;

  // Confined to the writer thread.
  private @Nullable FileChannel channel;
  private long sequence;
  private long position;
  private @Nullable Object fileKey;
  private long statedLosses;
  private long pendingRecords;
  private int pendingGaps;
  private long pendingStated;
  private long retryAtNanos;
  private boolean failing;

  /** Opens the file that is written to; a seam for tests of disk errors. */
  @FunctionalInterface
  interface Opener {
    FileChannel open(Path file) throws IOException;
  }

  private Journal(JournalConfig config, InstantSource clock, Opener opener) throws IOException {
    this.config = config;
    this.clock = clock;
    this.opener = opener;
    this.queue = new MpscArrayQueue<>(config.queueCapacity());
    createDirectory(config.file());
    this.lock = WriterLock.of(config.file(), PosixFilePermissions.asFileAttribute(PRIVATE_FILE));
    recover();
    this.writer = Thread.ofPlatform().daemon().name("audit-journal").unstarted(this::run);
  }

  /**
   * Opens the journal, removes an incomplete last line, and continues after the last sequence
   * number.
   *
   * @throws IOException when the file cannot be created, read or repaired
   */
  public static Journal open(JournalConfig config, InstantSource clock) throws IOException {
    return open(config, clock, Journal::openFile);
  }

  static Journal open(JournalConfig config, InstantSource clock, Opener opener) throws IOException {
    Journal journal = new Journal(config, clock, opener);
    journal.writer.start();
    return journal;
  }

  @Override
  public void record(AuditEvent event) {
    if (closed || !queue.offer(event)) {
      lost.increment();
      return;
    }
    if (parked) {
      parked = false;
      LockSupport.unpark(writer);
    }
  }

  /** Number of records written since the journal was opened, without gap records. */
  public long written() {
    return written.sum();
  }

  /** Number of records lost since the journal was opened. */
  public long lost() {
    return lost.sum();
  }

  /** Number of failed attempts to write since the journal was opened. */
  public long writeErrors() {
    return writeErrors.sum();
  }

  /** Number of records that wait to be written. */
  public int queued() {
    return queue.size();
  }

  /** Writes the queued records and closes the file. Waits up to five seconds for that. */
  @Override
  public void close() {
    closed = true;
    LockSupport.unpark(writer);
    boolean interrupted = false;
    try {
      writer.join(Duration.ofSeconds(5));
    } catch (InterruptedException e) {
      interrupted = true;
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private void run() {
    int idle = 0;
    while (true) {
      boolean last = closed;
      int taken = writeBatch();
      if (last) {
        closeChannel();
        lock.close();
        return;
      }
      if (taken > 0) {
        idle = 0;
        LockSupport.parkNanos(this, BATCH_NANOS);
      } else if (++idle < IDLE_LOOKS || lost.sum() != statedLosses) {
        LockSupport.parkNanos(this, BATCH_NANOS);
      } else {
        parked = true;
        if (queue.isEmpty() && !closed) {
          LockSupport.park(this);
        }
        parked = false;
        idle = 0;
      }
    }
  }

  private int writeBatch() {
    if (queue.isEmpty() && lost.sum() == statedLosses) {
      return 0;
    }
    if (isPaused() || !enter()) {
      return lose();
    }
    try {
      int taken = drain();
      flush();
      return taken;
    } finally {
      lock.release();
    }
  }

  private boolean isPaused() {
    return failing && System.nanoTime() - retryAtNanos < 0;
  }

  /** Takes the lock and looks where to go on; false when nothing can be written now. */
  private boolean enter() {
    try {
      lock.acquire();
    } catch (IOException e) {
      failed(e);
      return false;
    }
    boolean entered = false;
    try {
      lookAtFile();
      entered = true;
    } catch (IOException e) {
      closeChannel();
      failed(e);
    } finally {
      if (!entered) {
        lock.release();
      }
    }
    return entered;
  }

  private int lose() {
    int taken = 0;
    while (queue.poll() != null) {
      taken++;
      lost.increment();
    }
    return taken;
  }

  private int drain() {
    int taken = 0;
    AuditEvent event;
    while ((event = queue.poll()) != null) {
      taken++;
      if (isPaused()) {
        lost.increment();
        continue;
      }
      stateLosses();
      append(event);
      pendingRecords++;
      if (line.length() >= WRITE_SIZE) {
        flush();
      }
    }
    if (!isPaused()) {
      stateLosses();
    }
    return taken;
  }

  private void append(AuditEvent event) {
    long number = ++sequence;
    int mark = line.length();
    try {
      switch (event) {
        case DecisionEvent decision -> line.decision(number, decision);
        case AdministrativeEvent act -> line.administrative(number, act);
      }
    } catch (RuntimeException e) {
      // A record that cannot be formatted must not end the writer.
      line.truncate(mark);
      sequence--;
      pendingRecords--;
      lost.increment();
      log.error("audit record could not be formatted", e);
    }
  }

  private void stateLosses() {
    long now = lost.sum();
    if (now != statedLosses) {
      line.gap(++sequence, clock.millis(), now - statedLosses);
      pendingStated += now - statedLosses;
      pendingGaps++;
      statedLosses = now;
    }
  }

  private void flush() {
    if (line.length() == 0) {
      return;
    }
    try {
      FileChannel out = channel;
      if (out == null) {
        out = opener.open(config.file());
        channel = out;
        position = out.size();
        fileKey = Files.readAttributes(config.file(), BasicFileAttributes.class).fileKey();
      }
      ByteBuffer bytes = ByteBuffer.wrap(line.array(), 0, line.length());
      long at = position;
      while (bytes.hasRemaining()) {
        at += out.write(bytes, at);
      }
      if (config.fsync()) {
        out.force(false);
      }
      position = at;
      written.add(pendingRecords);
      forgetPending();
      if (failing) {
        failing = false;
        log.info("audit journal {} is written again", config.file());
      }
      if (position >= config.maxFileBytes()) {
        rotate();
      }
    } catch (IOException e) {
      // What was gathered is lost; its numbers are taken back so that the sequence has no holes.
      sequence -= pendingRecords + pendingGaps;
      lost.add(pendingRecords);
      statedLosses -= pendingStated;
      forgetPending();
      cutBack();
      failed(e);
    }
  }

  private void failed(IOException e) {
    writeErrors.increment();
    retryAtNanos = System.nanoTime() + RETRY_AFTER_ERROR.toNanos();
    if (!failing) {
      failing = true;
      log.error("audit journal {} cannot be written: {}", config.file(), e.toString());
    }
  }

  private void forgetPending() {
    pendingRecords = 0;
    pendingGaps = 0;
    pendingStated = 0;
    line.clear();
  }

  private void rotate() throws IOException {
    closeChannel();
    Path file = config.file();
    for (int i = config.keptFiles() - 1; i >= 1; i--) {
      Path from = numbered(file, i);
      if (Files.exists(from)) {
        Files.move(from, numbered(file, i + 1), StandardCopyOption.REPLACE_EXISTING);
      }
    }
    Files.move(file, numbered(file, 1), StandardCopyOption.REPLACE_EXISTING);
  }

  private static Path numbered(Path file, int number) {
    return file.resolveSibling(file.getFileName() + "." + number);
  }

  /** Removes what a failed write left behind the last whole line. */
  private void cutBack() {
    FileChannel out = channel;
    if (out == null) {
      return;
    }
    try {
      out.truncate(position);
    } catch (IOException e) {
      log.debug("cannot cut {} back to {} bytes", config.file(), position, e);
    }
    closeChannel();
  }

  private void closeChannel() {
    FileChannel out = channel;
    channel = null;
    if (out != null) {
      try {
        out.close();
      } catch (IOException e) {
        log.debug("closing {}", config.file(), e);
      }
    }
  }

  private void recover() throws IOException {
    boolean done = false;
    try {
      lock.acquire();
      try (FileChannel created = openFile(config.file())) {
        position = created.size();
        goOnAfter(created);
      } finally {
        lock.release();
      }
      fileKey = Files.readAttributes(config.file(), BasicFileAttributes.class).fileKey();
      done = true;
    } finally {
      if (!done) {
        lock.close();
      }
    }
  }

  private static void createDirectory(Path file) throws IOException {
    Path directory = file.toAbsolutePath().getParent();
    if (directory != null && !Files.isDirectory(directory)) {
      Files.createDirectories(
          directory,
          PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
    }
  }

  /**
   * Goes on after what others have written to the file, or in another file where it was renamed or
   * removed.
   */
  private void lookAtFile() throws IOException {
    BasicFileAttributes now;
    try {
      now = Files.readAttributes(config.file(), BasicFileAttributes.class);
    } catch (NoSuchFileException e) {
      closeChannel();
      position = 0;
      fileKey = null;
      sequence = Math.max(sequence, lastOfPrevious());
      return;
    }
    boolean same = Objects.equals(now.fileKey(), fileKey);
    if (!now.isRegularFile() || (same && now.size() == position)) {
      return;
    }
    if (!same) {
      closeChannel();
    }
    try (FileChannel file =
        FileChannel.open(config.file(), StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      goOnAfter(file);
    }
    fileKey = now.fileKey();
  }

  /** Cuts off a torn last line and takes up the sequence after the last whole one. */
  private void goOnAfter(FileChannel file) throws IOException {
    long size = file.size();
    long end = LastLine.end(file, size);
    if (end < size) {
      file.truncate(end);
      // The cut record is lost, and says so.
      lost.increment();
    }
    position = end;
    sequence = Math.max(sequence, end == 0 ? lastOfPrevious() : LastLine.sequence(file, end));
  }

  private long lastOfPrevious() throws IOException {
    Path previous = numbered(config.file(), 1);
    if (!Files.exists(previous)) {
      return 0;
    }
    try (FileChannel rotated = FileChannel.open(previous, StandardOpenOption.READ)) {
      return LastLine.sequence(rotated, LastLine.end(rotated, rotated.size()));
    }
  }

  private static FileChannel openFile(Path file) throws IOException {
    return FileChannel.open(
        file,
        Set.of(StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE),
        PosixFilePermissions.asFileAttribute(PRIVATE_FILE));
  }
}

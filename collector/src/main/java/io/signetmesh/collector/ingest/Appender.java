package io.signetmesh.collector.ingest;

import io.signetmesh.audit.tlog.TilePath;
import io.signetmesh.collector.log.Addition;
import io.signetmesh.collector.log.Addition.Outcome;
import io.signetmesh.collector.log.CollectorLog;
import io.signetmesh.collector.log.FsyncPolicy;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Appends the batches of all streams on a thread of its own. What has come while the log was
 * written goes in together next (group commit), in turns by writer. Each append writes the last
 * bundle anew, so that a few records wait for others for {@link #GATHER}, unless there was none for
 * as long. When the log cannot be written, what waits is given back, nothing more is taken, and
 * each second it is tried again. Thread-safe.
 */
final class Appender implements AutoCloseable {
  /** Bytes of an append: more of it would only make those wait that came first. */
  private static final int MAX_BYTES = 8 << 20;

  /** With {@link FsyncPolicy#SECOND}: so much does not wait for the end of the second. */
  private static final int FULL_BYTES = 512 << 10;

  private static final int FULL_RECORDS = 2_048;

  /** So much does not wait for more: a bundle, or what makes up for the one that is rewritten. */
  private static final int MANY_BYTES = 64 << 10;

  private static final int MANY_RECORDS = TilePath.WIDTH;

  /** Time between appends of few records. */
  static final Duration GATHER = Duration.ofMillis(250);

  private static final long SECOND = TimeUnit.SECONDS.toNanos(1);

  private static final Logger logger = LoggerFactory.getLogger(Appender.class);

  private final CollectorLog log;
  private final FsyncPolicy fsync;
  private final IngestMeters meters;
  private final InstantSource clock;
  private final BooleanSupplier confirmed;
  private final LongSupplier nanos;

  /** Batches by writer; the writer whose turn is next comes first. Guarded by this. */
  private final LinkedHashMap<String, Deque<Ticket>> waiting = new LinkedHashMap<>();

  private long waitingBytes;
  private long waitingRecords;
  private boolean isAnyFull;
  private long sinceNanos;

  /** When the last append began. */
  private long appendedNanos;

  private volatile boolean isWritable = true;
  private volatile boolean closed;
  private Thread thread = Thread.currentThread();

  /** Who is told what became of a batch, once; on the appending thread. */
  interface Sink {
    /** It is durable, or the writer has no room for another journal. */
    void appended(Outcome outcome);

    /** It was not appended, or it is not known: the log has it once when it is delivered again. */
    void failed(String why);
  }

  /** A batch that waits. */
  static final class Ticket {
    private final Batch batch;
    private final Sink sink;

    private Ticket(Batch batch, Sink sink) {
      this.batch = batch;
      this.sink = sink;
    }

    private String writer() {
      return batch.addition().journal().writer();
    }
  }

  /**
   * Without a thread: {@link #appendNext} appends.
   *
   * @param confirmed whether it is known that the log is the newest state of it; nothing is taken
   *     before
   */
  Appender(
      CollectorLog log,
      FsyncPolicy fsync,
      BooleanSupplier confirmed,
      IngestMeters meters,
      InstantSource clock,
      LongSupplier nanos) {
    this.confirmed = confirmed;
    this.nanos = nanos;
    this.appendedNanos = nanos.getAsLong() - GATHER.toNanos();
    this.log = log;
    this.fsync = fsync;
    this.meters = meters;
    this.clock = clock;
  }

  /** Starts the thread. */
  void start() {
    thread = Thread.ofPlatform().name("audit-append").daemon().start(this::run);
  }

  /** Whether the last write of the log did not fail, and it may be written at all. */
  boolean isWritable() {
    return isWritable && !closed && confirmed.getAsBoolean();
  }

  /**
   * Has a batch appended.
   *
   * @param sink is told by the appending thread
   * @return null when the log cannot be written; the sink is told nothing then
   */
  synchronized @Nullable Ticket submit(Batch batch, Sink sink) {
    if (!isWritable()) {
      return null;
    }
    Ticket ticket = new Ticket(batch, sink);
    if (waiting.isEmpty()) {
      sinceNanos = nanos.getAsLong();
    }
    waiting.computeIfAbsent(ticket.writer(), _ -> new ArrayDeque<>()).add(ticket);
    waitingBytes += batch.bytes();
    waitingRecords += records(ticket);
    isAnyFull |= batch.bytes() >= FULL_BYTES || batch.addition().sequences().length >= FULL_RECORDS;
    notifyAll();
    return ticket;
  }

  /**
   * Takes a batch back; its sink is told nothing then.
   *
   * @return false when it is being appended, or was
   */
  synchronized boolean withdraw(Ticket ticket) {
    Deque<Ticket> of = waiting.get(ticket.writer());
    if (of == null || !of.remove(ticket)) {
      return false;
    }
    waitingBytes -= ticket.batch.bytes();
    waitingRecords -= records(ticket);
    if (of.isEmpty()) {
      waiting.remove(ticket.writer());
    }
    return true;
  }

  private void run() {
    while (!closed) {
      try {
        if (!isWritable) {
          synchronized (this) {
            TimeUnit.NANOSECONDS.timedWait(this, SECOND);
          }
          retry();
        } else if (awaitDue()) {
          appendNext();
        }
      } catch (InterruptedException e) {
        // Closing, or nobody's business.
      } catch (RuntimeException | Error e) {
        logger.error("appending", e);
      }
    }
  }

  /** Waits until there is something to append, or a second is over. */
  private synchronized boolean awaitDue() throws InterruptedException {
    if (waiting.isEmpty()) {
      TimeUnit.NANOSECONDS.timedWait(this, SECOND);
    } else {
      long left = nanosUntilDue();
      if (left > 0) {
        TimeUnit.NANOSECONDS.timedWait(this, left);
      }
    }
    return !waiting.isEmpty() && nanosUntilDue() <= 0;
  }

  /** Time until what waits is to be appended; 0 or less when that is now. */
  synchronized long nanosUntilDue() {
    long now = nanos.getAsLong();
    if (fsync == FsyncPolicy.SECOND) {
      return isAnyFull || waitingBytes >= MAX_BYTES / 2 ? 0 : SECOND - (now - sinceNanos);
    }
    return waitingBytes >= MANY_BYTES || waitingRecords >= MANY_RECORDS
        ? 0
        : GATHER.toNanos() - (now - appendedNanos);
  }

  private static int records(Ticket ticket) {
    return ticket.batch.addition().sequences().length;
  }

  /** Appends what waits, as much as goes into one append. */
  void appendNext() {
    List<Ticket> taken = take();
    if (taken.isEmpty()) {
      return;
    }
    List<Addition> additions = taken.stream().map(ticket -> ticket.batch.addition()).toList();
    Instant now = clock.instant();
    long begun = System.nanoTime();
    List<Outcome> outcomes;
    try {
      outcomes = log.append(additions, now);
    } catch (IOException | RuntimeException | Error e) {
      failed(taken, e);
      return;
    }
    meters.appends.record(System.nanoTime() - begun, TimeUnit.NANOSECONDS);
    for (int i = 0; i < taken.size(); i++) {
      if (outcomes.get(i) instanceof Outcome.Durable durable) {
        meters.records.increment(durable.appended());
        meters.duplicates.increment(durable.duplicates());
        meters.missing.increment(durable.missing());
      }
      tell(taken.get(i), outcomes.get(i));
    }
  }

  private synchronized List<Ticket> take() {
    List<Ticket> taken = new ArrayList<>();
    long bytes = 0;
    while (!waiting.isEmpty()) {
      Map.Entry<String, Deque<Ticket>> first = waiting.firstEntry();
      Ticket next = first.getValue().element();
      if (!taken.isEmpty() && bytes + next.batch.bytes() > MAX_BYTES) {
        break;
      }
      waiting.pollFirstEntry();
      first.getValue().remove();
      if (!first.getValue().isEmpty()) {
        waiting.putLast(first.getKey(), first.getValue());
      }
      bytes += next.batch.bytes();
      taken.add(next);
    }
    waitingBytes -= bytes;
    waitingRecords -= taken.stream().mapToInt(Appender::records).sum();
    isAnyFull = !waiting.isEmpty();
    sinceNanos = nanos.getAsLong();
    appendedNanos = sinceNanos;
    return taken;
  }

  private static void tell(Ticket ticket, Outcome outcome) {
    try {
      ticket.sink.appended(outcome);
    } catch (RuntimeException e) {
      // The others have their receipts nevertheless.
      logger.warn("telling {}", ticket.writer(), e);
    }
  }

  private void failed(List<Ticket> taken, Throwable e) {
    meters.failures.increment();
    // Under the lock, so that nothing is put behind those that are given back.
    synchronized (this) {
      isWritable = false;
    }
    logger.error("the audit log cannot be written; it is tried again each second", e);
    giveBack(taken, "the log cannot be written");
    giveBack(takeAll(), "the log cannot be written");
  }

  private synchronized List<Ticket> takeAll() {
    List<Ticket> all = new ArrayList<>();
    waiting.values().forEach(all::addAll);
    waiting.clear();
    waitingBytes = 0;
    waitingRecords = 0;
    isAnyFull = false;
    return all;
  }

  private static void giveBack(List<Ticket> tickets, String why) {
    for (Ticket ticket : tickets) {
      try {
        ticket.sink.failed(why);
      } catch (RuntimeException e) {
        logger.warn("telling {}", ticket.writer(), e);
      }
    }
  }

  /** Tries whether the log can be written again. */
  void retry() {
    try {
      log.probe();
    } catch (IOException | RuntimeException | Error e) {
      meters.failures.increment();
      return;
    }
    isWritable = true;
    logger.info("the audit log can be written again");
  }

  /** Ends after the append that is under way. What waits is given back. */
  @Override
  public void close() {
    synchronized (this) {
      closed = true;
      notifyAll();
    }
    if (thread != Thread.currentThread()) {
      try {
        thread.join(TimeUnit.SECONDS.toMillis(10));
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
    giveBack(takeAll(), "the collector ends");
  }
}

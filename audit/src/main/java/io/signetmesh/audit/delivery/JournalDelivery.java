package io.signetmesh.audit.delivery;

import com.google.protobuf.ByteString;
import io.grpc.Channel;
import io.grpc.Status;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import io.signetmesh.audit.Journal;
import io.signetmesh.audit.JournalFiles;
import io.signetmesh.audit.JournalId;
import io.signetmesh.v1.AuditBatch;
import io.signetmesh.v1.AuditCollectorGrpc;
import io.signetmesh.v1.AuditReceipt;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.DoubleSupplier;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Delivers the records of one journal to a collector, in the order of their numbers, as {@code
 * AuditCollector.Deliver} says (audit.proto). The files of the journal are what is kept until the
 * collector has it: records are read from there, a batch at a time, and again after each loss of
 * the connection, from where the collector says. A record that was rotated away before is left out,
 * which the collector sees by its number.
 *
 * <p>At most {@value #MAX_BATCHES} batches of {@value #BATCH_BYTES} bytes are on their way, and no
 * more than {@link Deliveries} has room for. A collector that owes a receipt for {@link
 * #RECEIPT_TIME} is left, and asked again after a while.
 *
 * <p>All work is done by an executor that runs its tasks one after the other. It may block, for
 * files, and nothing else does.
 *
 * <p>Longer than 500 lines: a stream to the collector and what outlives it are one state machine.
 */
public final class JournalDelivery implements AutoCloseable {
  /** Bytes of the lines of a batch; below what a collector takes (1 MiB). */
  static final int BATCH_BYTES = 256 * 1024;

  /** Lines of a batch. */
  static final int BATCH_LINES = 4_096;

  /** Batches that have no receipt yet. */
  static final int MAX_BATCHES = 4;

  /** Largest receipt, in bytes. */
  private static final int MAX_RECEIPT = 1_024;

  /** Longest wait for a receipt. */
  static final Duration RECEIPT_TIME = Duration.ofSeconds(60);

  /** Wait before the first attempt after a failure; it doubles with each one that follows. */
  static final Duration MIN_RETRY = Duration.ofMillis(500);

  /** Longest wait between attempts. */
  static final Duration MAX_RETRY = Duration.ofSeconds(30);

  /** How often it is looked at what another process has written. */
  private static final Duration LOOK = Duration.ofSeconds(30);

  private static final Logger log = LoggerFactory.getLogger(JournalDelivery.class);

  private final Deliveries shared;
  private final Journal journal;
  private final Path file;
  private final JournalTail tail;
  private final Channel channel;
  private final Executor turn;
  private final ScheduledExecutorService timer;
  private final LongSupplier nanoTime;
  private final DoubleSupplier random;

  private final AtomicBoolean woken = new AtomicBoolean();
  private final AtomicLong delivered = new AtomicLong();
  private final Runnable wake = this::wake;
  private final Runnable claim = this::claimed;
  private final CountDownLatch ended = new CountDownLatch(1);
  private volatile @Nullable Runnable unlisten;
  private volatile @Nullable ScheduledFuture<?> looks;
  private volatile long acknowledged;
  private volatile long lastReceiptNanos;
  private volatile boolean closing;

  // What follows is of the tasks of the executor only.

  private boolean mine;
  private @Nullable Stream stream;
  private @Nullable ScheduledFuture<?> retry;
  private int failures;
  private boolean waits;

  /** Whether the collector has said what it has since the journal was opened. */
  private boolean asked;

  /** Number of the last record that was in the files when this began. */
  private final long found;

  /** Records up to this one are sent alone, since one of them was refused. */
  private long carefulTo;

  /** The record that was refused last when it was sent alone. */
  private long refused;

  /** A batch that has no receipt yet. */
  private record Sent(long last, int lines, int bytes) {}

  JournalDelivery(
      Deliveries shared,
      Journal journal,
      Channel channel,
      Executor turn,
      ScheduledExecutorService timer,
      LongSupplier nanoTime,
      DoubleSupplier random) {
    this.shared = shared;
    this.journal = journal;
    this.file = journal.file().toAbsolutePath().normalize();
    this.tail = new JournalTail(file, journal.keptFiles());
    this.channel = channel;
    this.turn = turn;
    this.timer = timer;
    this.nanoTime = nanoTime;
    this.random = random;
    this.found = journal.recovered();
    this.lastReceiptNanos = nanoTime.getAsLong();
  }

  /**
   * Makes the delivery of a journal. It starts with {@link #begin()}.
   *
   * @param channel to the collector; not closed here
   * @param turn runs tasks one after the other; they may block for files
   * @param timer tells when it is time for something; its tasks do not block
   */
  public static JournalDelivery of(
      Deliveries shared,
      Journal journal,
      Channel channel,
      Executor turn,
      ScheduledExecutorService timer) {
    return new JournalDelivery(
        shared,
        journal,
        channel,
        turn,
        timer,
        System::nanoTime,
        () -> ThreadLocalRandom.current().nextDouble());
  }

  /** Starts to deliver. */
  public void begin() {
    if (closing) {
      return;
    }
    unlisten = journal.onWritten(wake);
    looks =
        timer.scheduleWithFixedDelay(
            journal::look, LOOK.toMillis(), LOOK.toMillis(), TimeUnit.MILLISECONDS);
    if (shared.claim(file, claim)) {
      claimed();
    }
  }

  // ---- what is known of it

  /** Records that the collector has acknowledged since the start. */
  public long delivered() {
    return delivered.get();
  }

  /** Records in the files that are not acknowledged; all of them before the first receipt. */
  public long waiting() {
    return Math.max(0, journal.committed() - acknowledged);
  }

  /** Records that were not in the files any more when it was their turn. */
  public long lost() {
    return tail.lost();
  }

  /** Seconds since the last receipt, or since the start. */
  public double receiptAge() {
    return Math.max(0, nanoTime.getAsLong() - lastReceiptNanos) / 1e9;
  }

  // ---- tasks

  /** Has the next batch sent, unless that is about to be done. Does not block. */
  private void wake() {
    if (woken.compareAndSet(false, true)) {
      run(this::deliver);
    }
  }

  private void claimed() {
    run(
        () -> {
          mine = true;
          deliver();
        });
  }

  private void run(Runnable task) {
    try {
      turn.execute(
          () -> {
            try {
              task.run();
            } catch (RuntimeException | Error e) {
              log.error("audit records of {} were not delivered", file, e);
              end(Status.INTERNAL.withDescription(e.toString()).withCause(e));
            }
          });
    } catch (RejectedExecutionException e) {
      // The process ends.
      woken.set(false);
    }
  }

  private @Nullable ScheduledFuture<?> after(Duration time, Runnable task) {
    try {
      return timer.schedule(() -> run(task), time.toNanos(), TimeUnit.NANOSECONDS);
    } catch (RejectedExecutionException e) {
      return null;
    }
  }

  private void deliver() {
    woken.set(false);
    try {
      if (!mine) {
        return;
      }
      Stream open = stream;
      if (open != null) {
        open.send();
      } else if (retry == null && !closing) {
        open();
      }
    } catch (IOException e) {
      end(Status.UNAVAILABLE.withDescription("the journal cannot be read").withCause(e));
    } finally {
      // It may have been told that there is room, and not have used it.
      shared.passOn();
    }
  }

  private void open() throws IOException {
    JournalId id = JournalId.read(file);
    if (id == null) {
      // It has no record yet; the first one wakes this.
      return;
    }
    Stream made = new Stream(id);
    stream = made;
    made.start();
  }

  /** The stream has ended, or could not be begun. */
  private void end(Status why) {
    Stream open = stream;
    stream = null;
    boolean idle = open != null && open.greeted && open.isDone();
    if (why.getCode() == Status.Code.INVALID_ARGUMENT && open != null) {
      refused(open);
    }
    if (open != null) {
      open.over();
    }
    tail.close();
    if (closing) {
      ended.countDown();
      return;
    }
    if (idle) {
      // The next record opens another stream.
      return;
    }
    if (!waits) {
      waits = true;
      String text = why.getCode() + ": " + why.getDescription();
      if (why.getCode() != Status.Code.UNAVAILABLE) {
        log.warn("audit records of {} are not delivered: {}", file, text);
      }
      shared.waits(file, text);
    }
    if (retry == null) {
      long ceiling = Math.min(MAX_RETRY.toNanos(), MIN_RETRY.toNanos() << Math.min(failures, 16));
      failures++;
      retry =
          after(
              Duration.ofNanos((long) (ceiling / 2.0 * (1 + random.getAsDouble()))),
              () -> {
                retry = null;
                deliver();
              });
    }
  }

  /**
   * The collector cannot read a line: perhaps the disk has changed it. What is no record is left
   * out from now on, and what was sent goes again one by one. A line that is refused twice alone is
   * left out as well, so that those behind it are delivered.
   */
  private void refused(Stream open) {
    Sent alone = open.sent.size() == 1 ? open.sent.element() : null;
    carefulTo = Math.max(carefulTo, open.last);
    tail.readStrictly();
    if (alone == null || alone.lines() > 1) {
      return;
    }
    if (refused == alone.last() && !tail.skipsMany()) {
      log.error("audit record {} of {} is left out: the collector refuses it", refused, file);
      tail.skip(refused);
    }
    refused = alone.last();
  }

  /** What the collector says is not right. */
  private void wrong(String what) {
    end(Status.FAILED_PRECONDITION.withDescription("the collector " + what));
  }

  /** One stream to the collector. */
  private final class Stream implements ClientResponseObserver<AuditBatch, AuditReceipt> {
    private final JournalId id;
    private final Queue<Sent> sent = new ArrayDeque<>();
    private @Nullable ClientCallStreamObserver<AuditBatch> call;
    private @Nullable ScheduledFuture<?> deadline;
    private boolean greeted;
    private long receipt;

    /** Number of the last record that was sent, or that the collector has. */
    private long last;

    Stream(JournalId id) {
      this.id = id;
    }

    void start() {
      AuditCollectorGrpc.newStub(channel).withMaxInboundMessageSize(MAX_RECEIPT).deliver(this);
      ClientCallStreamObserver<AuditBatch> begun = call;
      if (begun != null) {
        begun.onNext(AuditBatch.newBuilder().setJournal(id.id()).build());
        expectReceipt();
      }
    }

    @Override
    public void beforeStart(ClientCallStreamObserver<AuditBatch> begun) {
      call = begun;
      begun.setOnReadyHandler(wake);
      // One at a time, so that they cannot pile up here.
      begun.disableAutoRequestWithInitial(1);
    }

    @Override
    public void onNext(AuditReceipt answer) {
      later(() -> received(answer.getDurableSequence()));
    }

    @Override
    public void onError(Throwable cause) {
      later(() -> end(Status.fromThrowable(cause)));
    }

    @Override
    public void onCompleted() {
      later(() -> end(Status.UNAVAILABLE.withDescription("the collector has ended the stream")));
    }

    private void later(Runnable task) {
      run(
          () -> {
            if (stream == this) {
              task.run();
            }
          });
    }

    private void expectReceipt() {
      ScheduledFuture<?> before = deadline;
      if (before != null) {
        before.cancel(false);
      }
      deadline =
          after(
              RECEIPT_TIME,
              () -> {
                if (stream == this && (!greeted || !sent.isEmpty())) {
                  end(
                      Status.DEADLINE_EXCEEDED.withDescription(
                          "no receipt within " + RECEIPT_TIME.toSeconds() + " s"));
                }
              });
    }

    private void received(long durable) {
      try {
        if (!greeted) {
          firstReceipt(durable);
        } else if (durable > last && !isWritten(durable)) {
          wrong("has record " + Long.toUnsignedString(durable) + ", which was never written");
        } else if (durable < receipt) {
          wrong("went back from record " + receipt + " to " + durable);
        } else {
          acknowledge(durable);
        }
      } catch (IOException e) {
        end(Status.UNAVAILABLE.withDescription("the journal cannot be read").withCause(e));
      }
      ClientCallStreamObserver<AuditBatch> open = call;
      if (open != null && stream == this) {
        open.request(1);
      }
    }

    /**
     * The collector says what it has. After a crash of the host that may be more than what is in
     * the files: the numbers of the records that were lost from its memory are given again, and the
     * collector would take the new ones for the old ones. So these get another journal.
     */
    private void firstReceipt(long durable) throws IOException {
      boolean written = isWritten(durable);
      long before = id.unsure() > 0 ? id.unsure() : found;
      if (durable > before && (id.unsure() > 0 || (!written && !asked))) {
        asked = true;
        journal.replaceId(id, before + 1);
        wrong(
            "has record "
                + Long.toUnsignedString(durable)
                + " of a journal that ended with "
                + before
                + ": what follows is another journal");
      } else if (!written) {
        wrong("has record " + Long.toUnsignedString(durable) + ", which was never written");
      } else {
        if (id.unsure() > 0) {
          journal.confirmId(id);
        }
        greet(durable);
      }
    }

    /** Whether a record is in the files, also one that another process has written just now. */
    private boolean isWritten(long sequence) throws IOException {
      return sequence >= 0
          && (sequence <= journal.committed() || sequence <= JournalFiles.lastSequence(file));
    }

    private void greet(long durable) throws IOException {
      if (durable < acknowledged && acknowledged >= id.first()) {
        log.warn(
            "audit records of {}: the collector has {} of them and had {}: they are sent again",
            file,
            durable,
            acknowledged);
      }
      greeted = true;
      asked = true;
      receipt = durable;
      acknowledged = durable;
      lastReceiptNanos = nanoTime.getAsLong();
      last = Math.max(durable, id.first() - 1);
      tail.seek(last + 1);
      if (waits) {
        waits = false;
        shared.goesOn();
      }
      if (isDone()) {
        failures = 0;
      }
      send();
    }

    private void acknowledge(long durable) throws IOException {
      boolean progress = durable > receipt;
      receipt = durable;
      acknowledged = durable;
      lastReceiptNanos = nanoTime.getAsLong();
      for (Sent batch = sent.peek();
          batch != null && batch.last() <= durable;
          batch = sent.peek()) {
        sent.remove();
        delivered.addAndGet(batch.lines());
        shared.give(batch.bytes());
      }
      if (progress) {
        failures = 0;
        expectReceipt();
      }
      if (durable > last) {
        // Another process has delivered them.
        last = durable;
        tail.seek(durable + 1);
      }
      send();
    }

    void send() throws IOException {
      ClientCallStreamObserver<AuditBatch> to = call;
      if (to == null || !greeted) {
        return;
      }
      while (to.isReady()
          && sent.size() < (last < carefulTo ? 1 : MAX_BATCHES)
          && last < journal.committed()) {
        if (!shared.take(BATCH_BYTES, wake)) {
          return;
        }
        int used = 0;
        try {
          // All that is in the files, and no further: what is behind may be taken back.
          JournalTail.Lines lines =
              tail.read(journal.committed(), BATCH_BYTES, last < carefulTo ? 1 : BATCH_LINES);
          if (lines.isEmpty()) {
            break;
          }
          // The id is on the disk before the first record that has it.
          JournalId now = JournalId.read(file);
          if (now != null && !now.id().equals(id.id())) {
            end(Status.UNAVAILABLE.withDescription("what follows is another journal"));
            return;
          }
          if (sent.isEmpty()) {
            expectReceipt();
          }
          sent.add(new Sent(lines.last(), lines.lines().size(), lines.bytes()));
          used = lines.bytes();
          last = lines.last();
          AuditBatch.Builder batch = AuditBatch.newBuilder();
          for (ByteString line : lines.lines()) {
            batch.addLines(line);
          }
          to.onNext(batch.build());
        } finally {
          shared.give(BATCH_BYTES - used);
        }
      }
      shared.passOn();
      if (closing && isDone()) {
        to.onCompleted();
        call = null;
        end(Status.OK);
      }
    }

    private boolean isDone() {
      return sent.isEmpty() && last >= journal.committed();
    }

    /** Gives back all that the stream has. */
    void over() {
      ScheduledFuture<?> pending = deadline;
      if (pending != null) {
        pending.cancel(false);
      }
      sent.forEach(batch -> shared.give(batch.bytes()));
      sent.clear();
      ClientCallStreamObserver<AuditBatch> ending = call;
      if (ending != null) {
        ending.cancel("the stream is over", null);
      }
    }
  }

  /**
   * Ends the delivery. Where the collector is there, it is given some time for what is in the files
   * already, which nobody may deliver later.
   *
   * @param limit longest wait
   */
  public void close(Duration limit) {
    closing = true;
    run(
        () -> {
          Stream open = stream;
          if (open == null || !open.greeted) {
            ended.countDown();
          }
          deliver();
        });
    boolean interrupted = false;
    try {
      ended.await(limit.toNanos(), TimeUnit.NANOSECONDS);
    } catch (InterruptedException e) {
      interrupted = true;
    }
    ScheduledFuture<?> looking = looks;
    if (looking != null) {
      looking.cancel(false);
    }
    Runnable ends = unlisten;
    if (ends != null) {
      ends.run();
    }
    run(this::leave);
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private void leave() {
    end(Status.CANCELLED);
    ScheduledFuture<?> pending = retry;
    if (pending != null) {
      pending.cancel(false);
    }
    shared.leave(wake);
    shared.release(file, claim);
    if (waits) {
      waits = false;
      shared.goesOn();
    }
    mine = false;
  }

  /** Ends the delivery without waiting. */
  @Override
  public void close() {
    close(Duration.ZERO);
  }
}

package io.signetmesh.collector.ingest;

import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.Status;
import io.grpc.StatusException;
import io.signetmesh.collector.entry.LogEntry;
import io.signetmesh.collector.ingest.Appender.Ticket;
import io.signetmesh.collector.log.Addition.Outcome;
import io.signetmesh.collector.log.CollectorLog;
import io.signetmesh.collector.log.JournalKey;
import io.signetmesh.identity.channel.Caller;
import io.signetmesh.v1.AuditReceipt;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A stream on which a writer delivers a journal. It holds one message at most: the next one is
 * asked for when the one before is durable and the client takes its receipt. Thread-safe.
 */
final class DeliveryStream extends ServerCall.Listener<byte[]> implements Appender.Sink {
  /** For the message that names the journal. */
  static final Duration TO_OPEN = Duration.ofSeconds(10);

  /** For a batch to be appended, and for a receipt to be taken. */
  static final Duration TO_GO_ON = Duration.ofSeconds(60);

  /**
   * Without a record: messages without any do not count. A writer with nothing to say opens another
   * stream when it has.
   */
  static final Duration IDLE = Duration.ofMinutes(15);

  /** What a line takes besides its bytes: what is before it in its entry, and objects. */
  private static final long BYTES_OF_LINE = 512;

  /** What a message counts for besides its bytes. */
  private static final long BYTES_OF_MESSAGE = 512;

  private final ServerCall<byte[], AuditReceipt> call;
  private final Caller caller;
  private final String writer;
  private final Parts parts;

  /** One object, by which the stream is known while it waits. */
  private final Runnable next = this::next;

  private final Runnable ask = this::ask;

  // Guarded by this.
  private @Nullable JournalKey journal;
  private @Nullable Ticket ticket;
  private long held;
  private boolean paced;
  private long owed = -1;
  private boolean asked;
  private boolean halfClosed;
  private boolean over;
  private long sinceNanos;

  /** When it had something to say last. */
  private long idleNanos;

  /**
   * What streams share.
   *
   * @param end called when a stream is over
   */
  record Parts(
      CollectorLog log,
      Appender appender,
      IntakeBudget budget,
      WriterRates rates,
      WriterRights rights,
      IngestMeters meters,
      InstantSource clock,
      Consumer<DeliveryStream> end) {}

  /**
   * @param writer identity of the caller, as the log names it
   */
  DeliveryStream(ServerCall<byte[], AuditReceipt> call, Caller caller, String writer, Parts parts) {
    this.call = call;
    this.caller = caller;
    this.writer = writer;
    this.parts = parts;
    this.sinceNanos = System.nanoTime();
    this.idleNanos = sinceNanos;
  }

  /** Identity of the writer. */
  String writer() {
    return writer;
  }

  /** Asks for the first message. */
  void begin() {
    call.sendHeaders(new Metadata());
    synchronized (this) {
      asked = true;
    }
    call.request(1);
  }

  @Override
  public void onMessage(byte[] bytes) {
    JournalKey key;
    synchronized (this) {
      if (over) {
        return;
      }
      asked = false;
      sinceNanos = System.nanoTime();
      key = journal;
    }
    parts.rates().charge(writer, bytes.length + BYTES_OF_MESSAGE);
    try {
      Message message = parsed(bytes);
      if (key == null) {
        opened(message);
      } else {
        delivered(key, message, bytes.length);
      }
    } catch (StatusException e) {
      end(e.getStatus());
    } catch (RuntimeException e) {
      end(Status.INTERNAL.withDescription("the message cannot be taken").withCause(e));
    }
  }

  private static Message parsed(byte[] bytes) throws StatusException {
    try {
      return Message.parse(bytes);
    } catch (IOException e) {
      throw invalid("a message cannot be read: " + e.getMessage());
    }
  }

  private static StatusException invalid(String message) {
    return Status.INVALID_ARGUMENT.withDescription(message).asException();
  }

  private void opened(Message message) throws StatusException {
    if (!LogEntry.isJournal(message.journal())) {
      throw invalid("the first message names no journal: expected 32 lower-case hex digits");
    }
    if (!message.lines().isEmpty()) {
      throw invalid(
          "the first message has "
              + message.lines().size()
              + " lines: expected none before the collector has said what it has");
    }
    JournalKey key = new JournalKey(writer, message.journal());
    if (!parts.appender().isWritable()) {
      throw unavailable("the log cannot be written").asException();
    }
    if (!parts.log().hasRoom(key, parts.clock().instant())) {
      throw noRoom().asException();
    }
    synchronized (this) {
      journal = key;
    }
    receipt(parts.log().durable(key));
  }

  private void delivered(JournalKey key, Message message, int bytes) throws StatusException {
    if (!message.journal().isEmpty()) {
      throw invalid("a further message names a journal: expected it in the first one only");
    }
    if (message.lines().isEmpty()) {
      receipt(parts.log().durable(key));
      return;
    }
    long cost = bytes + message.lines().size() * BYTES_OF_LINE;
    if (!parts.budget().take(writer, cost)) {
      throw Status.RESOURCE_EXHAUSTED
          .withDescription(
              writer
                  + " has its share of the memory for records that wait: expected one message"
                  + " at a time, and fewer streams")
          .asException();
    }
    Batch batch;
    try {
      Instant now = parts.clock().instant();
      batch = Batch.of(key, caller, parts.rights(), message.lines(), now);
    } catch (StatusException | RuntimeException e) {
      parts.budget().give(writer, cost);
      throw e;
    }
    // What entries have more than lines is of the log's disk too.
    parts.rates().charge(writer, Math.max(0, batch.bytes() - bytes));
    parts.meters().bytes.increment(batch.bytes());
    parts.meters().foreign.increment(batch.foreign());
    boolean submitted = false;
    synchronized (this) {
      if (!over) {
        // Its sink is called by another thread, which waits for the lock.
        ticket = parts.appender().submit(batch, this);
        submitted = ticket != null;
        held = submitted ? cost : 0;
      }
    }
    if (!submitted) {
      parts.budget().give(writer, cost);
      throw unavailable("the log cannot be written").asException();
    }
  }

  @Override
  public void appended(Outcome outcome) {
    settle();
    switch (outcome) {
      case Outcome.Durable durable -> receipt(durable.sequence());
      case Outcome.NoRoom _ -> end(noRoom());
    }
  }

  @Override
  public void failed(String why) {
    settle();
    end(unavailable(why));
  }

  /** The batch is out of hand. */
  private void settle() {
    long give;
    synchronized (this) {
      ticket = null;
      give = held;
      held = 0;
      sinceNanos = System.nanoTime();
      idleNanos = sinceNanos;
    }
    if (give > 0) {
      parts.budget().give(writer, give);
    }
  }

  private static Status unavailable(String why) {
    return Status.UNAVAILABLE.withDescription(why);
  }

  private Status noRoom() {
    return Status.RESOURCE_EXHAUSTED.withDescription(
        "no room for another journal of "
            + writer
            + ": expected at most "
            + CollectorLog.MAX_JOURNALS
            + " that had a record in the last hour");
  }

  private void receipt(long durable) {
    synchronized (this) {
      owed = durable;
    }
    sendOwed();
  }

  /** Sends the receipt when the client takes it, and then asks for more. */
  private void sendOwed() {
    boolean ends;
    synchronized (this) {
      if (over || owed < 0 || !call.isReady()) {
        return;
      }
      call.sendMessage(AuditReceipt.newBuilder().setDurableSequence(owed).build());
      owed = -1;
      ends = halfClosed;
    }
    if (ends) {
      end(Status.OK);
    } else {
      synchronized (this) {
        paced = true;
      }
      parts.rates().ask(writer, next);
    }
  }

  /** The writer may deliver more: the next message is asked for when there is memory. */
  private void next() {
    synchronized (this) {
      if (over) {
        return;
      }
      paced = false;
      sinceNanos = System.nanoTime();
    }
    parts.budget().ask(writer, ask);
  }

  private void ask() {
    synchronized (this) {
      if (over || asked) {
        return;
      }
      asked = true;
      sinceNanos = System.nanoTime();
    }
    call.request(1);
  }

  @Override
  public void onReady() {
    sendOwed();
  }

  @Override
  public void onHalfClose() {
    boolean ends;
    synchronized (this) {
      halfClosed = true;
      ends = held == 0 && owed < 0;
    }
    if (ends) {
      end(Status.OK);
    }
  }

  @Override
  public void onCancel() {
    end(null);
  }

  @Override
  public void onComplete() {
    end(null);
  }

  /** Ends the stream when it has not gone on in time. */
  void endIfLate(long nowNanos) {
    Status late;
    synchronized (this) {
      Duration past = Duration.ofNanos(nowNanos - sinceNanos);
      if (journal == null) {
        late = late(past, TO_OPEN, "the first message");
      } else if (held > 0) {
        late = late(past, TO_GO_ON, "the log to take a batch");
      } else if (owed >= 0) {
        late = late(past, TO_GO_ON, "the client to take a receipt");
      } else if (asked) {
        late = late(Duration.ofNanos(nowNanos - idleNanos), IDLE, "a message with records");
      } else if (paced) {
        late = late(past, IDLE, "the rate at which its writer may deliver");
      } else {
        late = late(past, TO_GO_ON, "memory for a message");
      }
    }
    if (late != null) {
      end(late);
    }
  }

  private static @Nullable Status late(Duration past, Duration limit, String what) {
    return past.compareTo(limit) < 0
        ? null
        : Status.DEADLINE_EXCEEDED.withDescription(
            "waited " + limit.toSeconds() + " s for " + what);
  }

  /**
   * Ends the stream. What is being appended stays appended.
   *
   * @param status null when the client has ended it
   */
  void end(@Nullable Status status) {
    long give = 0;
    synchronized (this) {
      if (over) {
        return;
      }
      over = true;
      if (ticket != null && parts.appender().withdraw(ticket)) {
        give = held;
        held = 0;
      }
      ticket = null;
      if (status != null) {
        call.close(status, new Metadata());
      }
    }
    if (give > 0) {
      parts.budget().give(writer, give);
    }
    parts.rates().forget(writer, next);
    parts.budget().forget(writer, ask);
    parts.end().accept(this);
  }
}

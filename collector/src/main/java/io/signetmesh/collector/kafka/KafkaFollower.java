package io.signetmesh.collector.kafka;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.signetmesh.audit.tlog.Checkpoint;
import io.signetmesh.audit.tlog.LogReader;
import io.signetmesh.audit.tlog.MalformedLogException;
import io.signetmesh.audit.tlog.SignedNote;
import io.signetmesh.audit.tlog.TilePath;
import io.signetmesh.collector.export.ExportCursor;
import io.signetmesh.collector.log.CollectorLog;
import io.signetmesh.collector.query.LogDirectory;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Takes the entries of a running collector's log to a topic, in their order, and remembers how far
 * it has come in a file beside the log. It reads what is in the log, so that brokers that are away
 * cost no memory and delay nobody. It has a thread of its own.
 */
public final class KafkaFollower implements AutoCloseable {
  /** File that says what is in the topic, in the directory of the collector. */
  public static final String CURSOR = "kafka.cursor";

  private static final Duration POLL = Duration.ofMillis(200);
  private static final Duration FIRST_PAUSE = Duration.ofMillis(500);
  private static final Duration LONGEST_PAUSE = Duration.ofSeconds(30);

  /** After an error that leaves not even a failure counted, such as a heap that is full. */
  private static final Duration PAUSE_AFTER_ERROR = Duration.ofSeconds(1);

  /** How long {@link #close} waits for a delivery that is on its way, and then for the thread. */
  private static final Duration CLOSE = Duration.ofSeconds(5);

  private static final Logger logger = LoggerFactory.getLogger(KafkaFollower.class);

  private final CollectorLog log;
  private final KafkaTopic topic;
  private final Path file;
  private final KafkaReceiver.Opener opener;
  private final Counter delivered;
  private final Counter failures;
  private final Counter lost;
  private final Counter refused;

  /** First entry that is not in the topic, and the one that the file says; on the thread only. */
  private volatile long next;

  private volatile long kept;

  /** Where what is before {@link #next} was delivered to; empty when that is not known. */
  private String place;

  private @Nullable KafkaReceiver receiver;

  /** Where {@link #receiver} delivers to. */
  private String found = "";

  /** Messages of a delivery at most: fewer after one of them was refused. */
  private int most = KafkaReceiver.MAX_MESSAGES;

  private int failed;
  private String lastFailure = "";
  private String lastWarning = "";
  private volatile boolean closed;
  private Thread thread = Thread.currentThread();

  /** Without a thread: {@link #step} delivers. */
  KafkaFollower(
      CollectorLog log,
      Path directory,
      KafkaTopic topic,
      KafkaReceiver.Opener opener,
      MeterRegistry registry)
      throws IOException {
    this.log = log;
    this.topic = topic;
    this.file = directory.resolve(CURSOR);
    this.opener = opener;
    ExportCursor begun = ExportCursor.read(file);
    if (begun == null) {
      next = log.minimum();
      kept = next;
      place = "";
    } else {
      begun.requireContinued(LogDirectory.open(directory.resolve(CollectorLog.TILES), log.key()));
      if (!begun.format().equals(KafkaParts.format(topic))) {
        throw new MalformedLogException(
            file
                + " is of "
                + begun.format()
                + ": expected "
                + KafkaParts.format(topic)
                + "; without the file, the log is delivered from its beginning");
      }
      next = begun.next();
      kept = next;
      place = begun.place();
    }
    delivered = counter(registry, "entries", "Entries that the brokers have acknowledged.");
    failures = counter(registry, "failures", "Deliveries to Kafka that have failed.");
    lost = counter(registry, "lost.entries", "Entries that were deleted before they were there.");
    refused = counter(registry, "refused.entries", "Entries that the brokers do not take.");
    Gauge.builder("signet.audit.collector.kafka.lag", this, KafkaFollower::lag)
        .description("Entries of the log that the brokers have not acknowledged.")
        .strongReference(true)
        .register(registry);
  }

  private static Counter counter(MeterRegistry registry, String name, String description) {
    return Counter.builder("signet.audit.collector.kafka." + name)
        .description(description)
        .register(registry);
  }

  /**
   * Starts to follow a log.
   *
   * @param directory of the collector
   * @throws IOException when the cursor cannot be read, or is of another log or topic
   */
  public static KafkaFollower start(
      CollectorLog log, Path directory, KafkaSettings settings, MeterRegistry registry)
      throws IOException {
    return start(
        new KafkaFollower(
            log,
            directory,
            settings.topic(),
            () -> KafkaSender.open(settings, log.key().name()),
            registry));
  }

  static KafkaFollower start(KafkaFollower follower) {
    follower.thread = Thread.ofPlatform().name("audit-kafka").daemon().start(follower::run);
    return follower;
  }

  /** Entries of the log that are not known to be in the topic. */
  public long lag() {
    return Math.max(0, log.checkpoint().size() - next);
  }

  /** First entry that is needed still: those before it are in the topic, and known to be. */
  public long held() {
    return Math.min(next, kept);
  }

  private void run() {
    Duration pause = Duration.ZERO;
    try {
      while (!closed) {
        try {
          pause(pause);
          pause = turn();
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
          return;
        } catch (Throwable e) {
          // Nothing is called here, as it may throw the next one: a thread that an error ends
          // delivers nothing more.
          pause = PAUSE_AFTER_ERROR;
        }
      }
    } finally {
      drop();
    }
  }

  /** Delivers what is next; returns how long to wait then. */
  private Duration turn() {
    try {
      return step() ? Duration.ZERO : POLL;
    } catch (Throwable e) {
      return closed ? Duration.ZERO : failed(e);
    }
  }

  private synchronized void pause(Duration time) throws InterruptedException {
    long end = System.nanoTime() + time.toNanos();
    for (long left = time.toMillis(); left > 0 && !closed; ) {
      wait(left);
      left = (end - System.nanoTime()) / 1_000_000;
    }
  }

  /** How long to wait after a failure. */
  private Duration failed(Throwable e) {
    failures.increment();
    drop();
    String failure = String.valueOf(e.getMessage());
    if (failed++ == 0 || !failure.equals(lastFailure)) {
      logger.warn("the audit log is not delivered to {}: it is tried again", topic, e);
    }
    lastFailure = failure;
    Duration pause = FIRST_PAUSE.multipliedBy(1L << Math.min(failed - 1, 6));
    return pause.compareTo(LONGEST_PAUSE) > 0 ? LONGEST_PAUSE : pause;
  }

  private void drop() {
    KafkaReceiver last = receiver;
    receiver = null;
    if (last != null) {
      last.close();
    }
  }

  /**
   * Delivers what is next, and keeps that it is there.
   *
   * @return false when all was delivered
   * @throws IOException when it was not, or that cannot be kept
   */
  boolean step() throws IOException {
    SignedNote note = log.note();
    long size = Checkpoint.parse(note.text()).size();
    keep(note);
    long minimum = log.minimum();
    if (next < minimum) {
      lost.increment(minimum - next);
      logger.error(
          "entries {} to {} of the audit log were deleted before they were delivered to {}",
          next,
          minimum - 1,
          topic);
      next = minimum;
    }
    if (next >= size) {
      keep(note);
      return false;
    }
    List<KafkaMessage> messages = read(size, minimum);
    if (receiver == null) {
      receiver = open();
    }
    try {
      receiver.deliver(messages);
      delivered.increment(messages.size());
      most = Math.min(2 * most, KafkaReceiver.MAX_MESSAGES);
    } catch (RefusedEntryException e) {
      if (messages.size() > 1) {
        // One of them, until it is alone: nobody's entries wait for it.
        most = messages.size() / 2;
        return true;
      }
      refused.increment();
      logger.error("entry {} of the audit log is left out of {}", next, topic, e);
    }
    next += messages.size();
    place = found;
    keep(note);
    if (failed > 0) {
      failed = 0;
      logger.info("the audit log is delivered to {} again", topic);
    }
    return true;
  }

  private KafkaReceiver open() throws IOException {
    KafkaReceiver opened = opener.open();
    boolean isGood = false;
    try {
      KafkaPlace asked = opened.place();
      found = asked.name();
      if (!place.isEmpty() && !place.equals(found)) {
        throw new IOException(
            topic
                + " is of "
                + found
                + ": expected "
                + place
                + ", which has what is before entry "
                + next
                + "; a collector that is started without "
                + file
                + " delivers the log from its beginning");
      }
      String warning = asked.warning(topic);
      if (warning != null && !warning.equals(lastWarning)) {
        logger.warn(warning);
        lastWarning = warning;
      }
      isGood = true;
      return opened;
    } finally {
      if (!isGood) {
        opened.close();
      }
    }
  }

  /** Writes down how far it is. What was delivered is not delivered again when that fails. */
  private void keep(SignedNote note) throws IOException {
    if (kept != next) {
      new ExportCursor(next, 0, KafkaParts.format(topic), "", note, place).write(file);
      kept = next;
    }
  }

  private List<KafkaMessage> read(long size, long minimum) throws IOException {
    LogReader reader = new LogReader(log.store(), size, minimum);
    List<KafkaMessage> messages = new ArrayList<>();
    int bytes = 0;
    long at = next;
    while (at < size) {
      List<byte[]> entries = reader.bundle(at / TilePath.WIDTH);
      for (int i = (int) (at % TilePath.WIDTH); i < entries.size(); i++) {
        KafkaMessage message = KafkaMessage.of(at, entries.get(i));
        messages.add(message);
        bytes += message.bytes();
        at++;
        if (bytes >= KafkaReceiver.MAX_BYTES || messages.size() == most) {
          return messages;
        }
      }
    }
    return messages;
  }

  /** Ends within ten seconds. What was not acknowledged is delivered after the next start. */
  @Override
  public void close() {
    synchronized (this) {
      closed = true;
      notifyAll();
    }
    try {
      if (!thread.join(CLOSE)) {
        thread.interrupt();
        if (!thread.join(CLOSE)) {
          logger.warn("a delivery to {} does not end", topic);
        }
      }
    } catch (InterruptedException e) {
      thread.interrupt();
      Thread.currentThread().interrupt();
    }
  }
}

package io.signetmesh.collector.witness;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.signetmesh.audit.tlog.AddCheckpoint;
import io.signetmesh.audit.tlog.Checkpoint;
import io.signetmesh.audit.tlog.Cosignature;
import io.signetmesh.audit.tlog.LogReader;
import io.signetmesh.audit.tlog.NoteKey;
import io.signetmesh.audit.tlog.SignedNote;
import io.signetmesh.collector.log.CollectorLog;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Asks a witness to cosign checkpoints, at most one a second (C2SP {@code tlog-witness}, {@code
 * add-checkpoint}), and keeps the newest one that was cosigned. It has a thread of its own: a
 * witness that is away delays nothing.
 */
public final class WitnessClient implements AutoCloseable {
  private static final Logger logger = LoggerFactory.getLogger(WitnessClient.class);
  private static final Duration CONNECT = Duration.ofSeconds(5);

  /** From the request to the last byte of the answer. */
  private static final Duration ANSWER = Duration.ofSeconds(10);

  private static final int MAX_ANSWER = 16 * 1024;

  /** The same before the log may go on. */
  private static final int MOST_SECONDS_AT_START = 5;

  /** A cosignature that confirms the log is no older, clocks included: it may have been kept. */
  private static final Duration FRESH = Duration.ofMinutes(15);

  private static final int OTHER_SIZE = 409;

  /** Seconds between attempts after failures, at most. */
  private static final int MOST_SECONDS = 60;

  private final Config config;
  private final CollectorLog log;
  private final Duration limit;
  private final InstantSource clock;
  private final HttpClient client;
  private final ScheduledExecutorService timer;
  private final Counter cosignatures;
  private final Counter failures;

  /** What the witness has cosigned last, as far as is known; on the thread only. */
  private long known;

  private volatile long cosigned;

  /** Whether the log may go on, because it is what the witness has seen last, or later. */
  private volatile boolean confirmed;

  private int pause;
  private int failed;

  /**
   * A witness.
   *
   * @param url prefix of its requests, {@code http} or {@code https}
   * @param key verifies its cosignatures
   * @param awaited whether nothing is appended to the log before the witness has cosigned the state
   *     that it has at the start
   */
  public record Config(URI url, NoteKey key, boolean awaited) {
    /** Refuses another kind of key. */
    public Config {
      if (key.type() != NoteKey.Type.COSIGNATURE) {
        throw new IllegalArgumentException(
            "key " + key + ": expected that of a witness, which begins with type 4");
      }
    }
  }

  /**
   * Asks when it is told to.
   *
   * @param limit for a whole answer
   */
  WitnessClient(
      Config config, CollectorLog log, MeterRegistry registry, InstantSource clock, Duration limit)
      throws IOException {
    this.clock = clock;
    this.confirmed = !config.awaited();
    this.config = config;
    this.limit = limit;
    this.log = log;
    this.client =
        HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .followRedirects(HttpClient.Redirect.NEVER)
            .connectTimeout(CONNECT)
            .build();
    this.timer =
        Executors.newSingleThreadScheduledExecutor(
            Thread.ofPlatform().name("audit-witness").daemon().factory());
    Checkpoint last = log.cosigned();
    known = last == null ? 0 : last.size();
    cosigned = known;
    cosignatures =
        Counter.builder("signet.audit.collector.cosignatures")
            .description("Checkpoints that the witness has cosigned.")
            .register(registry);
    failures =
        Counter.builder("signet.audit.collector.witness.failures")
            .description("Checkpoints that the witness has not cosigned, or that did not reach it.")
            .register(registry);
    Gauge.builder("signet.audit.collector.cosigned.size", this, one -> one.cosigned)
        .description("Entries of the newest checkpoint that was cosigned.")
        .strongReference(true)
        .register(registry);
  }

  /**
   * Starts to ask.
   *
   * @throws IOException when the checkpoint that was cosigned last cannot be read
   */
  public static WitnessClient start(
      Config config, CollectorLog log, MeterRegistry registry, InstantSource clock)
      throws IOException {
    WitnessClient client = new WitnessClient(config, log, registry, clock, ANSWER);
    client.timer.scheduleWithFixedDelay(client::tick, 0, 1, TimeUnit.SECONDS);
    return client;
  }

  private void tick() {
    if (pause > 0) {
      pause--;
      return;
    }
    try {
      if (ask() && failed > 0) {
        logger.info("the witness {} cosigns again", config.key().name());
        failed = 0;
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (Throwable e) {
      // Also errors: a timer that one ends never asks again.
      failures.increment();
      if (failed++ == 0) {
        logger.warn(
            "the witness {} has not cosigned a checkpoint{}",
            config.key().name(),
            confirmed ? "" : ": no record is taken before it has",
            e);
      }
      pause = Math.min(confirmed ? MOST_SECONDS : MOST_SECONDS_AT_START, 1 << Math.min(failed, 6));
    }
  }

  /**
   * Has the newest checkpoint cosigned, unless it is.
   *
   * @return whether it was asked for and is cosigned now
   * @throws IOException when it is not
   */
  boolean ask() throws IOException, InterruptedException {
    SignedNote note = log.note();
    Checkpoint checkpoint = Checkpoint.parse(note.text());
    if (checkpoint.size() == cosigned && confirmed) {
      return false;
    }
    HttpResponse<byte[]> answer = send(note, checkpoint);
    if (answer.statusCode() == OTHER_SIZE) {
      // It has cosigned another size last, and says which.
      known = size(answer, checkpoint);
      answer = send(note, checkpoint);
    }
    if (answer.statusCode() != 200) {
      throw new IOException(
          config.url()
              + " answers "
              + answer.statusCode()
              + ": "
              + printable(answer.body())
              + ": expected a cosignature of "
              + checkpoint.size()
              + " entries");
    }
    log.keepCosigned(cosigned(note, answer.body()));
    known = checkpoint.size();
    cosigned = known;
    if (!confirmed) {
      confirmed = true;
      logger.info(
          "the witness {} has confirmed the log with {} entries", config.key().name(), known);
    }
    cosignatures.increment();
    return true;
  }

  private HttpResponse<byte[]> send(SignedNote note, Checkpoint checkpoint)
      throws IOException, InterruptedException {
    AddCheckpoint request =
        new AddCheckpoint(
            known, new LogReader(log.store(), checkpoint.size()).consistency(known), note);
    String url = config.url().toString();
    CompletableFuture<HttpResponse<byte[]>> answer =
        client.sendAsync(
            HttpRequest.newBuilder(
                    URI.create((url.endsWith("/") ? url : url + "/") + "add-checkpoint"))
                .timeout(limit)
                .POST(HttpRequest.BodyPublishers.ofByteArray(request.bytes()))
                .build(),
            HttpResponse.BodyHandlers.limiting(
                HttpResponse.BodyHandlers.ofByteArray(), MAX_ANSWER));
    try {
      // The limit of the request ends with the headers.
      return answer.get(limit.toMillis(), TimeUnit.MILLISECONDS);
    } catch (TimeoutException e) {
      throw new IOException(
          config.url() + " has not sent a whole answer within " + limit.toMillis() + " ms", e);
    } catch (ExecutionException e) {
      throw new IOException(config.url() + ": " + e.getCause(), e.getCause());
    } finally {
      answer.cancel(true);
    }
  }

  private long size(HttpResponse<byte[]> answer, Checkpoint checkpoint) throws IOException {
    long size;
    try {
      size = Long.parseLong(new String(answer.body(), UTF_8).strip());
    } catch (NumberFormatException e) {
      throw new IOException(
          config.url() + " answers 409: " + printable(answer.body()) + ": expected a size", e);
    }
    if (size < 0 || size > checkpoint.size()) {
      throw new IOException(
          config.url()
              + " says that it has cosigned "
              + size
              + " entries of this log, which has "
              + checkpoint.size()
              + ": an older state was brought back, or another collector has the same key");
    }
    return size;
  }

  /** The checkpoint with the signature of the witness among the lines of an answer. */
  private SignedNote cosigned(SignedNote note, byte[] lines) throws IOException {
    SignedNote signatures =
        SignedNote.parse((note.text() + "\n" + new String(lines, UTF_8)).getBytes(UTF_8));
    for (SignedNote.Line line : signatures.signatures()) {
      if (line.id() == config.key().id() && line.name().equals(config.key().name())) {
        // By what is kept, and not by the answer: that may have another text.
        SignedNote cosigned = note.with(line);
        if (cosigned.verify(List.of(config.key())).contains(config.key())) {
          requireFresh(line);
          return cosigned;
        }
      }
    }
    throw new IOException(config.url() + " has not signed by " + config.key());
  }

  /** Who brings back an older state of the log may have the cosignature of that time, too. */
  private void requireFresh(SignedNote.Line line) throws IOException {
    Instant signed = Cosignature.time(line);
    Instant oldest = clock.instant().minus(FRESH);
    if (!confirmed && signed.isBefore(oldest)) {
      throw new IOException(
          config.url()
              + " has signed at "
              + signed
              + ": expected a time after "
              + oldest
              + ", by the clock of this host");
    }
  }

  /** Whether records may be appended: the log is the newest state that the witness knows of. */
  public boolean isConfirmed() {
    return confirmed;
  }

  private static String printable(byte[] body) {
    String text = new String(body, UTF_8).replaceAll("\\p{C}", " ").strip();
    return text.length() <= 200 ? text : text.substring(0, 200);
  }

  /** Entries of the newest checkpoint that was cosigned. */
  public long cosignedSize() {
    return cosigned;
  }

  @Override
  public void close() {
    timer.shutdownNow();
    client.shutdownNow();
  }
}

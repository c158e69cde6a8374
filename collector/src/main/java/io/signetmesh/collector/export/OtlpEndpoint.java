package io.signetmesh.collector.export;

import io.opentelemetry.proto.collector.logs.v1.ExportLogsServiceRequest;
import io.opentelemetry.proto.collector.logs.v1.ExportLogsServiceResponse;
import io.opentelemetry.proto.logs.v1.LogRecord;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.time.Duration;
import java.util.List;

/**
 * Delivers log records to an OpenTelemetry receiver. A receiver that is away or busy is asked again
 * for a while. Not thread-safe.
 */
public final class OtlpEndpoint implements AutoCloseable {
  /** How long the receiver may take to be reached, and to answer. */
  static final Duration LIMIT = Duration.ofSeconds(30);

  /** Bytes of an answer that are read. */
  static final int MAX_ANSWER = 64 * 1024;

  private static final int ATTEMPTS = 8;
  private static final Duration FIRST_PAUSE = Duration.ofSeconds(1);
  private static final Duration LONGEST_PAUSE = Duration.ofSeconds(30);

  private final OtlpTransport transport;
  private final OtlpFormat format;
  private final Sleeper sleeper;

  /** Waits. */
  @FunctionalInterface
  public interface Sleeper {
    /** Waits for a time. */
    void sleep(Duration duration) throws InterruptedException;
  }

  /**
   * An endpoint.
   *
   * @param transport is closed with it
   */
  public OtlpEndpoint(OtlpTransport transport, OtlpFormat format, Sleeper sleeper) {
    this.transport = transport;
    this.format = format;
    this.sleeper = sleeper;
  }

  /**
   * Delivers records: they are with the receiver when this returns.
   *
   * @throws IOException when the receiver refuses them, or some of them, or does not answer after
   *     several attempts
   */
  public void deliver(List<LogRecord> records) throws IOException {
    ExportLogsServiceRequest request = format.request(records);
    Duration pause = FIRST_PAUSE;
    try {
      for (int attempt = 1; ; attempt++) {
        switch (transport.send(request)) {
          case OtlpTransport.Answer.Taken(ExportLogsServiceResponse response) -> {
            requireAll(response);
            return;
          }
          case OtlpTransport.Answer.Refused(String why) ->
              throw new IOException(transport + " does not take records: " + why);
          case OtlpTransport.Answer.Busy(String why, Duration asked) -> {
            if (attempt == ATTEMPTS) {
              throw new IOException(
                  transport + " does not take records, after " + ATTEMPTS + " attempts: " + why);
            }
            Duration wait = asked.compareTo(pause) > 0 ? asked : pause;
            sleeper.sleep(wait.compareTo(LONGEST_PAUSE) > 0 ? LONGEST_PAUSE : wait);
            pause = pause.multipliedBy(2);
          }
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new InterruptedIOException("interrupted while delivering records");
    }
  }

  /** A receiver may take a part only, and says so in an answer that is otherwise good. */
  private void requireAll(ExportLogsServiceResponse response) throws IOException {
    long rejected = response.getPartialSuccess().getRejectedLogRecords();
    if (rejected > 0) {
      throw new IOException(
          transport
              + " rejected "
              + rejected
              + " records: "
              + SafeText.of(response.getPartialSuccess().getErrorMessage()));
    }
  }

  @Override
  public void close() {
    transport.close();
  }
}

package io.signetmesh.collector.export;

import com.google.protobuf.InvalidProtocolBufferException;
import io.opentelemetry.proto.collector.logs.v1.ExportLogsServiceResponse;
import io.opentelemetry.proto.logs.v1.LogRecord;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Delivers log records to an OpenTelemetry receiver (OTLP/HTTP, Protobuf). A receiver that is away
 * or busy is asked again for a while. Not thread-safe.
 */
public final class OtlpEndpoint {
  private static final Set<Integer> TRY_AGAIN = Set.of(429, 502, 503, 504);
  private static final int ATTEMPTS = 8;
  private static final Duration FIRST_PAUSE = Duration.ofSeconds(1);
  private static final Duration LONGEST_PAUSE = Duration.ofSeconds(30);
  private static final Duration LIMIT = Duration.ofSeconds(30);
  private static final int MAX_ANSWER = 64 * 1024;

  private final URI endpoint;
  private final Map<String, String> headers;
  private final OtlpFormat format;
  private final Sleeper sleeper;
  private final HttpClient client =
      HttpClient.newBuilder()
          .connectTimeout(LIMIT)
          .followRedirects(HttpClient.Redirect.NEVER)
          .build();

  /** Waits. */
  @FunctionalInterface
  public interface Sleeper {
    /** Waits for a time. */
    void sleep(Duration duration) throws InterruptedException;
  }

  /**
   * An endpoint.
   *
   * @param endpoint such as {@code http://localhost:4318/v1/logs}
   * @param headers sent with each request
   */
  public OtlpEndpoint(
      URI endpoint, Map<String, String> headers, OtlpFormat format, Sleeper sleeper) {
    this.endpoint = endpoint;
    this.headers = Map.copyOf(headers);
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
    HttpRequest.Builder request =
        HttpRequest.newBuilder(endpoint)
            .timeout(LIMIT)
            .header("Content-Type", "application/x-protobuf")
            .POST(HttpRequest.BodyPublishers.ofByteArray(format.request(records).toByteArray()));
    headers.forEach(request::header);
    Duration pause = FIRST_PAUSE;
    for (int attempt = 1; ; attempt++) {
      String failure;
      Duration asked = Duration.ZERO;
      try {
        HttpResponse<InputStream> response =
            client.send(request.build(), HttpResponse.BodyHandlers.ofInputStream());
        byte[] answer;
        try (InputStream body = response.body()) {
          answer = body.readNBytes(MAX_ANSWER);
        }
        if (response.statusCode() / 100 == 2) {
          requireAll(answer);
          return;
        }
        failure = "it answered " + response.statusCode();
        if (!TRY_AGAIN.contains(response.statusCode())) {
          throw new RefusedException(endpoint + " does not take records: " + failure);
        }
        asked = retryAfter(response);
      } catch (RefusedException e) {
        throw e;
      } catch (InterruptedException e) {
        throw interrupted();
      } catch (IOException e) {
        failure = e.toString();
      }
      if (attempt == ATTEMPTS) {
        throw new IOException(
            endpoint + " does not take records, after " + ATTEMPTS + " attempts: " + failure);
      }
      Duration wait = asked.compareTo(pause) > 0 ? asked : pause;
      try {
        sleeper.sleep(wait.compareTo(LONGEST_PAUSE) > 0 ? LONGEST_PAUSE : wait);
      } catch (InterruptedException e) {
        throw interrupted();
      }
      pause = pause.multipliedBy(2);
    }
  }

  private static IOException interrupted() {
    Thread.currentThread().interrupt();
    return new InterruptedIOException("interrupted while delivering records");
  }

  private static Duration retryAfter(HttpResponse<?> response) {
    String value = response.headers().firstValue("Retry-After").orElse("");
    return value.matches("[0-9]{1,5}") ? Duration.ofSeconds(Long.parseLong(value)) : Duration.ZERO;
  }

  /** A receiver may take a part only, and says so in an answer that is otherwise good. */
  private void requireAll(byte[] answer) throws IOException {
    ExportLogsServiceResponse response;
    try {
      response = ExportLogsServiceResponse.parseFrom(answer);
    } catch (InvalidProtocolBufferException e) {
      // Not each receiver answers with a message.
      return;
    }
    long rejected = response.getPartialSuccess().getRejectedLogRecords();
    if (rejected > 0) {
      throw new RefusedException(
          endpoint
              + " rejected "
              + rejected
              + " records: "
              + SafeText.of(response.getPartialSuccess().getErrorMessage()));
    }
  }

  /** The receiver does not want the records: asking again does not help. */
  private static final class RefusedException extends IOException {
    private static final long serialVersionUID = 1L;

    RefusedException(String message) {
      super(message);
    }
  }
}

package io.signetmesh.collector.export;

import com.google.protobuf.InvalidProtocolBufferException;
import io.opentelemetry.proto.collector.logs.v1.ExportLogsServiceRequest;
import io.opentelemetry.proto.collector.logs.v1.ExportLogsServiceResponse;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/** OTLP over HTTP, in Protobuf. Redirects are not followed. */
public final class OtlpHttp implements OtlpTransport {
  private static final Set<Integer> TRY_AGAIN = Set.of(429, 502, 503, 504);

  private final URI endpoint;
  private final Map<String, String> headers;
  private final HttpClient client;

  /**
   * A receiver.
   *
   * @param endpoint such as {@code http://localhost:4318/v1/logs}
   * @param headers sent with each request
   * @param authorities who signs its certificate; null for those that the JDK knows
   * @throws IOException when a header cannot be sent
   */
  public OtlpHttp(
      URI endpoint, Map<String, String> headers, @Nullable ReceiverAuthorities authorities)
      throws IOException {
    this.endpoint = endpoint;
    this.headers = Map.copyOf(headers);
    HttpClient.Builder builder =
        HttpClient.newBuilder()
            .connectTimeout(OtlpEndpoint.LIMIT)
            .followRedirects(HttpClient.Redirect.NEVER);
    if (authorities != null) {
      builder.sslContext(authorities.context());
    }
    this.client = builder.build();
    for (Map.Entry<String, String> header : headers.entrySet()) {
      try {
        HttpRequest.newBuilder(endpoint).header(header.getKey(), header.getValue());
      } catch (IllegalArgumentException e) {
        // Without what it says: it quotes the value.
        throw new IOException("header '" + SafeText.of(header.getKey()) + "' cannot be sent");
      }
    }
  }

  @Override
  public Answer send(ExportLogsServiceRequest request) throws InterruptedException {
    HttpRequest.Builder post =
        HttpRequest.newBuilder(endpoint)
            .timeout(OtlpEndpoint.LIMIT)
            .header("Content-Type", "application/x-protobuf")
            .POST(HttpRequest.BodyPublishers.ofByteArray(request.toByteArray()));
    headers.forEach(post::header);
    CompletableFuture<HttpResponse<byte[]>> answer =
        client.sendAsync(
            post.build(),
            HttpResponse.BodyHandlers.limiting(
                HttpResponse.BodyHandlers.ofByteArray(), OtlpEndpoint.MAX_ANSWER));
    try {
      // The limit of the request ends with the headers.
      return answer(answer.get(OtlpEndpoint.LIMIT.toMillis(), TimeUnit.MILLISECONDS));
    } catch (TimeoutException e) {
      return new Answer.Busy("it has not answered within " + OtlpEndpoint.LIMIT, Duration.ZERO);
    } catch (ExecutionException e) {
      return OtlpTransport.failed(e.getCause() == null ? e : e.getCause());
    } finally {
      answer.cancel(true);
    }
  }

  private static Answer answer(HttpResponse<byte[]> response) {
    int status = response.statusCode();
    if (status / 100 == 2) {
      return new Answer.Taken(message(response.body()));
    }
    String why = "it answered " + status;
    return TRY_AGAIN.contains(status)
        ? new Answer.Busy(why, retryAfter(response))
        : new Answer.Refused(why);
  }

  private static ExportLogsServiceResponse message(byte[] body) {
    try {
      return ExportLogsServiceResponse.parseFrom(body);
    } catch (InvalidProtocolBufferException e) {
      // Not each receiver answers with a message.
      return ExportLogsServiceResponse.getDefaultInstance();
    }
  }

  private static Duration retryAfter(HttpResponse<?> response) {
    String value = response.headers().firstValue("Retry-After").orElse("");
    return value.matches("[0-9]{1,5}") ? Duration.ofSeconds(Long.parseLong(value)) : Duration.ZERO;
  }

  @Override
  public void close() {
    client.shutdownNow();
  }

  @Override
  public String toString() {
    return endpoint.toString();
  }
}

package io.signetmesh.collector.export;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.opentelemetry.proto.collector.logs.v1.ExportLogsPartialSuccess;
import io.opentelemetry.proto.collector.logs.v1.ExportLogsServiceResponse;
import io.opentelemetry.proto.logs.v1.LogRecord;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

final class OtlpEndpointTest {
  private record Answer(int status, String retryAfter, byte[] body) {}

  private final Deque<Answer> answers = new ArrayDeque<>();
  private final List<Duration> waits = new ArrayList<>();
  private final HttpServer server;
  private int requests;

  OtlpEndpointTest() throws IOException {
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
  }

  @BeforeEach
  void start() {
    server.createContext("/", this::answer);
    server.start();
  }

  @AfterEach
  void stop() {
    server.stop(0);
  }

  private synchronized void answer(HttpExchange exchange) throws IOException {
    requests++;
    exchange.getRequestBody().readAllBytes();
    Answer answer = answers.isEmpty() ? new Answer(200, "", new byte[0]) : answers.remove();
    if (!answer.retryAfter.isEmpty()) {
      exchange.getResponseHeaders().add("Retry-After", answer.retryAfter);
    }
    exchange.sendResponseHeaders(answer.status, answer.body.length == 0 ? -1 : answer.body.length);
    exchange.getResponseBody().write(answer.body);
    exchange.close();
  }

  private void deliver() throws IOException {
    URI uri = URI.create("http://127.0.0.1:" + server.getAddress().getPort() + "/v1/logs");
    try (OtlpEndpoint endpoint =
        new OtlpEndpoint(new OtlpHttp(uri, Map.of(), null), new OtlpFormat("o", "1"), waits::add)) {
      endpoint.deliver(List.of(LogRecord.getDefaultInstance()));
    }
  }

  @Test
  void aReceiverThatIsBusyIsAskedAgainWhenItWantsTo() throws Exception {
    answers.add(new Answer(503, "", new byte[0]));
    answers.add(new Answer(429, "7", new byte[0]));
    answers.add(new Answer(429, "99999", new byte[0]));

    deliver();

    assertThat(waits)
        .containsExactly(Duration.ofSeconds(1), Duration.ofSeconds(7), Duration.ofSeconds(30));
    assertThat(requests).isEqualTo(4);
  }

  @Test
  void aReceiverThatStaysAwayEndsTheExport() {
    for (int i = 0; i < 20; i++) {
      answers.add(new Answer(503, "", new byte[0]));
    }
    assertThatThrownBy(this::deliver)
        .isInstanceOf(IOException.class)
        .hasMessageContaining("after 8 attempts: it answered 503");
    assertThat(waits).hasSize(7);
  }

  @Test
  void whatIsRefusedIsNotSentAgain() {
    answers.add(new Answer(401, "", new byte[0]));
    assertThatThrownBy(this::deliver).hasMessageContaining("it answered 401");
    answers.add(new Answer(302, "", new byte[0]));
    assertThatThrownBy(this::deliver).hasMessageContaining("it answered 302");
    assertThat(requests).isEqualTo(2);
  }

  @Test
  void aReceiverThatTakesAPartOnlyHasNotTakenThem() {
    answers.add(
        new Answer(
            200,
            "",
            ExportLogsServiceResponse.newBuilder()
                .setPartialSuccess(
                    ExportLogsPartialSuccess.newBuilder()
                        .setRejectedLogRecords(1)
                        .setErrorMessage("too old\u001b"))
                .build()
                .toByteArray()));
    assertThatThrownBy(this::deliver).hasMessageContaining("rejected 1 records: too old\\u001b");
  }
}

package io.signetmesh.proxy.http;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.audit.DecisionEvent;
import io.signetmesh.proxy.loop.IoTransport;
import io.signetmesh.proxy.memory.MemoryLimits;
import io.signetmesh.proxy.memory.Pace;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;

/** Requests that begin and do not go on, and what many of them may hold. */
@ParameterizedClass
@MethodSource("transports")
@Timeout(60)
class SlowPeerTest {
  private static final Pace IMPATIENT = new Pace(Duration.ofSeconds(1), Duration.ofMinutes(1), 500);
  private static final String BODY =
      "POST /%s HTTP/1.1\r\nhost: web\r\ncontent-length: 100000\r\n\r\nbegun";

  private final IoTransport transport;

  SlowPeerTest(IoTransport transport) {
    this.transport = transport;
  }

  static java.util.stream.Stream<IoTransport> transports() {
    return Transports.here();
  }

  private ProxyFixture impatient(Http1Application app) {
    return new ProxyFixture(
        transport, app.port(), UnaryOperator.identity(), MemoryLimits.ofProcess(), IMPATIENT);
  }

  @Test
  void aBodyThatDoesNotComeGets408AndLetsTheApplicationGo() throws Exception {
    CountDownLatch cut = new CountDownLatch(1);
    try (var app =
            new Http1Application(
                (connection, application) -> {
                  try {
                    connection.rest();
                  } finally {
                    // A reset: the body is cut, and must not look complete.
                    cut.countDown();
                  }
                });
        var proxy = impatient(app);
        var client = new Http1Client(proxy.inbound(null))) {
      assertThat(client.send(BODY.formatted("slow")).response().status()).isEqualTo(408);
      assertThat(client.ended()).isTrue();
      cut.await();
      assertThat(proxy.decisions)
          .extracting(DecisionEvent::detail)
          .contains("body: not complete in time");
    }
  }

  @Test
  void aBodyOfNoStatedLengthMayRestForAsLongAsItLikes() throws Exception {
    try (var app = Http1Application.echoingPaths();
        var proxy = impatient(app);
        var stream = new Http1Client(proxy.inbound(null))) {
      stream.send(
          "POST /stream HTTP/1.1\r\nhost: web\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n");
      for (int i = 0; i < 2; i++) {
        try (var slow = new Http1Client(proxy.inbound(null))) {
          assertThat(slow.send(BODY.formatted("slow")).response().status()).isEqualTo(408);
        }
      }
      assertThat(stream.send("1\r\nb\r\n0\r\n\r\n").response().body()).isEqualTo("/stream");
    }
  }

  @Test
  void aBodyThatTheApplicationDoesNotTakeIsNotItsClientsFault() throws Exception {
    CountDownLatch goOn = new CountDownLatch(1);
    int length = 8 * 1024 * 1024;
    try (var app =
            new Http1Application(
                (connection, application) -> {
                  String first = connection.line();
                  while (!connection.line().isEmpty()) {
                    // The rest of the head.
                  }
                  if (first.contains("/taken-late")) {
                    goOn.await();
                    connection.exactly(length);
                    connection.send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
                  } else {
                    connection.rest();
                  }
                });
        var proxy = impatient(app);
        var client = new Http1Client(proxy.inbound(null))) {
      Thread sender =
          Thread.ofVirtual()
              .start(
                  () -> {
                    try {
                      client.send(
                          "POST /taken-late HTTP/1.1\r\nhost: web\r\ncontent-length: %d\r\n\r\n"
                              .formatted(length));
                      client.send(new byte[length]);
                    } catch (java.io.IOException e) {
                      throw new java.io.UncheckedIOException(e);
                    }
                  });
      for (int i = 0; i < 2; i++) {
        try (var slow = new Http1Client(proxy.inbound(null))) {
          assertThat(slow.send(BODY.formatted("slow")).response().status()).isEqualTo(408);
        }
      }
      goOn.countDown();
      assertThat(client.response().status()).isEqualTo(200);
      sender.join();
    }
  }

  @Test
  void aHeadOfTooManyShortLinesIsRefusedBeforeItEnds() throws Exception {
    try (var app = Http1Application.echoingPaths();
        var proxy = new ProxyFixture(transport, app.port());
        var client = new Http1Client(proxy.inbound(null))) {
      client.send("GET / HTTP/1.1\r\nhost: web\r\n" + "x: y\r\n".repeat(2_500));
      assertThat(client.response().status()).isEqualTo(431);
      assertThat(proxy.decisions)
          .extracting(DecisionEvent::reason)
          .containsExactly("protocol-error");
    }
  }

  @Test
  void headsThatWaitForAnswersTakeNoMoreThanTheShareOfTheirClient() throws Exception {
    CountDownLatch answer = new CountDownLatch(1);
    try (var app =
            new Http1Application(
                (connection, application) -> {
                  while (true) {
                    application.requests.add(connection.request());
                    answer.await();
                    connection.send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
                  }
                });
        var proxy =
            new ProxyFixture(
                transport,
                app.port(),
                UnaryOperator.identity(),
                // An eighth for a client without identity.
                new MemoryLimits(1 << 20, 2 << 20, 480 * 1024),
                Pace.DEFAULT)) {
      int port = proxy.inbound(null);
      String large = "GET / HTTP/1.1\r\nhost: web\r\nx: %s\r\n\r\n".formatted("x".repeat(32_000));
      try (var first = new Http1Client(port);
          var second = new Http1Client(port)) {
        first.send(large);
        app.request();
        assertThat(second.send(large).response().status()).isEqualTo(503);
        answer.countDown();
        assertThat(first.response().status()).isEqualTo(200);
      }
      try (var third = new Http1Client(port)) {
        assertThat(third.send(large).response().status()).isEqualTo(200);
      }
      assertThat(proxy.decisions).extracting(DecisionEvent::reason).containsOnlyOnce("overload");
    }
  }
}

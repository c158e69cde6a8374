package io.signetmesh.proxy.http;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.concurrent.TimeUnit.MILLISECONDS;
import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.audit.DecisionEvent;
import io.signetmesh.proxy.loop.IoTransport;
import io.signetmesh.proxy.memory.MemoryLimits;
import io.signetmesh.proxy.memory.Pace;
import java.time.Duration;
import java.util.List;
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

  /** What waits for the application is charged to nobody once its client is gone. */
  @Test
  void uploadsThatAreGivenUpKeepNoBuffersWhileMemoryIsScarce() throws Exception {
    CountDownLatch end = new CountDownLatch(1);
    try (var app =
            new Http1Application(
                (connection, application) -> {
                  connection.line();
                  application.requests.add(
                      new Http1Client.Message("begun", List.of(), "", List.of()));
                  end.await();
                });
        var proxy =
            new ProxyFixture(
                transport,
                app.port(),
                UnaryOperator.identity(),
                new MemoryLimits(64 * 1024, 1L << 30, 1L << 30),
                Pace.DEFAULT)) {
      int port = proxy.inbound(null);
      for (int i = 0; i < 8; i++) {
        try (var client = new Http1Client(port)) {
          client.send("POST /u HTTP/1.1\r\nhost: web\r\ntransfer-encoding: chunked\r\n\r\n");
          app.request();
          Thread sender =
              Thread.ofVirtual()
                  .start(
                      () -> {
                        try {
                          byte[] piece = ("8000\r\n" + "x".repeat(0x8000) + "\r\n").getBytes(UTF_8);
                          while (true) {
                            client.send(piece);
                          }
                        } catch (java.io.IOException e) {
                          // Given up.
                        }
                      });
          long before = -1;
          while (proxy.pinnedBytes() != before) {
            before = proxy.pinnedBytes();
            proxy
                .loops()
                .loops()
                .getFirst()
                .eventLoop()
                .schedule(() -> {}, 50, MILLISECONDS)
                .sync();
          }
          // The request loses its right: the application gets no more of it.
          proxy.policy.set(new FakePolicy.Rules(List.of("/"), List.of("/u"), List.of()));
          assertThat(client.response().status()).isEqualTo(403);
          client.close();
          sender.join();
          proxy.policy.set(new FakePolicy.Rules(List.of("/"), List.of(), List.of()));
        }
      }
      // A cut waits for 10 s for an application that takes nothing.
      long deadline = System.nanoTime() + SECONDS.toNanos(6);
      while (proxy.pinnedBytes() > 64 * 1024 && System.nanoTime() - deadline < 0) {
        proxy.loops().loops().getFirst().eventLoop().schedule(() -> {}, 20, MILLISECONDS).sync();
      }
      assertThat(proxy.pinnedBytes()).isLessThanOrEqualTo(64 * 1024);
      end.countDown();
    }
  }

  @Test
  void aHeadOfTooManyShortLinesIsRefusedBeforeItEnds() throws Exception {
    try (var wire = Http1Wire.open(transport, Http1Application.echoingPaths())) {
      wire.client.send("GET / HTTP/1.1\r\nhost: web\r\n" + "x: y\r\n".repeat(2_500));
      assertThat(wire.client.response().status()).isEqualTo(431);
      assertThat(wire.proxy.decisions)
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

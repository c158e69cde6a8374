package io.signetmesh.proxy.http;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.proxy.http.Http1Client.Message;
import io.signetmesh.proxy.loop.IoTransport;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Which connections to an application carry a second request (RFC 9112 9.3 to 9.5). */
@ParameterizedClass
@MethodSource("transports")
@Timeout(60)
class ConnectionReuseTest {
  private static final String POISON =
      "HTTP/1.1 302 Found\r\nlocation: http://evil/\r\nset-cookie: forged\r\n"
          + "content-length: 0\r\n\r\n";
  private static final String GET = "GET %s HTTP/1.1\r\nhost: web\r\n\r\n";

  private final IoTransport transport;

  ConnectionReuseTest(IoTransport transport) {
    this.transport = transport;
  }

  static java.util.stream.Stream<IoTransport> transports() {
    return Transports.here();
  }

  /** Answers {@code /evil} with what is given and everything else with its path. */
  private static Http1Application evil(String answer) throws Exception {
    return Http1Application.answering(
        request ->
            request.path().equals("/evil")
                ? answer
                : "HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s"
                    .formatted(request.path().length(), request.path()));
  }

  @ParameterizedTest
  @ValueSource(strings = {"200 OK\r\ncontent-length: 77", "200 OK", "404 Not Found"})
  void aBodyThatAnswersHeadIsNoAnswerToAnybody(String head) throws Exception {
    try (var app = evil("HTTP/1.1 " + head + "\r\n\r\n" + POISON);
        var proxy = new ProxyFixture(transport, app.port());
        var attacker = new Http1Client(proxy.inbound(null));
        var victim = new Http1Client(proxy.inbound(null))) {
      for (int i = 0; i < 5; i++) {
        attacker.send("HEAD /evil HTTP/1.1\r\nhost: web\r\n\r\n").response(true);
        Message response = victim.send(GET.formatted("/" + i)).response();
        assertThat(response.status()).isEqualTo(200);
        assertThat(response.body()).isEqualTo("/" + i);
      }
    }
  }

  /** A HEAD that is answered like a GET has its body in a write of its own, at any time. */
  @Test
  void aConnectionIsNotUsedAgainAfterHead() throws Exception {
    CountDownLatch headRead = new CountDownLatch(1);
    try (var app =
            new Http1Application(
                (connection, application) -> {
                  while (true) {
                    Message request = connection.request();
                    application.requests.add(request);
                    if (request.start().startsWith("HEAD")) {
                      connection.send("HTTP/1.1 200 OK\r\ncontent-length: 77\r\n\r\n");
                      headRead.await();
                      connection.send(POISON);
                    } else {
                      connection.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
                    }
                  }
                });
        var proxy = new ProxyFixture(transport, app.port());
        var attacker = new Http1Client(proxy.inbound(null));
        var victim = new Http1Client(proxy.inbound(null))) {
      attacker.send("HEAD / HTTP/1.1\r\nhost: web\r\n\r\n").response(true);
      assertThat(victim.send(GET.formatted("/")).response().body()).isEqualTo("ok");
      headRead.countDown();
      assertThat(victim.send(GET.formatted("/")).response().body()).isEqualTo("ok");
      assertThat(app.connections()).isEqualTo(2);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "204 No Content\r\n\r\n",
        "204 No Content\r\ncontent-length: 5\r\n\r\n",
        "304 Not Modified\r\n\r\n",
        "200 OK\r\ncontent-length: 0\r\n\r\n",
        "200 OK\r\ncontent-length: 2\r\n\r\nok",
        "200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        "200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\nx-sum: 1\r\n\r\n",
      })
  void bytesBeyondAResponseCloseItsConnection(String response) throws Exception {
    for (String surplus : new String[] {POISON, "\r\n", "H", "HTTP/1.1 200 OK\r\n", "\0"}) {
      try (var app = evil("HTTP/1.1 " + response + surplus);
          var proxy = new ProxyFixture(transport, app.port());
          var attacker = new Http1Client(proxy.inbound(null));
          var victim = new Http1Client(proxy.inbound(null))) {
        attacker.send(GET.formatted("/evil")).response();
        assertThat(victim.send(GET.formatted("/v")).response().body()).isEqualTo("/v");
        assertThat(app.connections()).isEqualTo(2);
      }
    }
  }

  /** The next request waits at the proxy while the response comes that has too much. */
  @Test
  void aPipelinedRequestIsNotAnsweredByTheSurplusOfTheOneBefore() throws Exception {
    try (var wire =
        Http1Wire.open(
            transport, evil("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok" + POISON))) {
      wire.client.send(GET.formatted("/evil") + GET.formatted("/v"));
      assertThat(wire.client.response().body()).isEqualTo("ok");
      assertThat(wire.client.response().body()).isEqualTo("/v");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"\r\n", "H", "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"})
  void aByteThatComesWhileIdleClosesTheConnection(String late) throws Exception {
    CountDownLatch rested = new CountDownLatch(1);
    CountDownLatch closed = new CountDownLatch(1);
    try (var wire =
        Http1Wire.open(
            transport,
            new Http1Application(
                (connection, application) -> {
                  connection.request();
                  connection.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
                  rested.await();
                  connection.send(late);
                  if (connection.ended()) {
                    closed.countDown();
                  }
                }))) {
      wire.client.send(GET.formatted("/")).response();
      rested.countDown();
      assertThat(closed.await(2, java.util.concurrent.TimeUnit.SECONDS)).isTrue();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"content-length: 34", "content-length: 0", "transfer-encoding: chunked"})
  void connectWithABodyReachesNoApplication(String framing) throws Exception {
    try (var wire =
        Http1Wire.open(
            transport,
            Http1Application.answering(
                request -> "HTTP/1.1 405 No\r\ncontent-length: 0\r\n\r\n"))) {
      wire.client.send(
          "CONNECT web:80 HTTP/1.1\r\nhost: web:80\r\n"
              + framing
              + "\r\n\r\n"
              + "0\r\n\r\n"
              + POISON);
      assertThat(wire.client.response().status()).isEqualTo(400);
      assertThat(wire.client.ended()).isTrue();
      assertThat(wire.app.requests).isEmpty();
      assertThat(wire.proxy.decisions)
          .extracting(event -> event.reason())
          .contains("protocol-error");
    }
  }

  @Test
  void aConnectionIsNotUsedAgainWhoseRequestWasNotSentToItsEnd() throws Exception {
    try (var app =
            new Http1Application(
                (connection, application) -> {
                  while (true) {
                    StringBuilder head = new StringBuilder();
                    for (String l = connection.line(); !l.isEmpty(); l = connection.line()) {
                      head.append(l).append('\n');
                    }
                    application.requests.add(
                        new Message(head.toString(), java.util.List.of(), "", java.util.List.of()));
                    connection.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
                  }
                });
        var proxy = new ProxyFixture(transport, app.port())) {
      int port = proxy.inbound(null);
      for (int i = 0; i < 3; i++) {
        try (var attacker = new Http1Client(port);
            var victim = new Http1Client(port)) {
          attacker.send("POST / HTTP/1.1\r\nhost: web\r\ncontent-length: 100\r\n\r\npart");
          assertThat(attacker.response().status()).isEqualTo(200);
          assertThat(victim.send(GET.formatted("/v")).response().status()).isEqualTo(200);
        }
      }
      assertThat(app.requests)
          .extracting(Message::start)
          .allMatch(start -> start.startsWith("POST / ") || start.startsWith("GET /v "));
    }
  }

  /** A peer that speaks HTTP/2 frames its bodies in another way than the client is told. */
  @ParameterizedTest
  @ValueSource(strings = {"HEAD", "204", "304", "more", "less", "none"})
  void aBodyThatDiffersFromItsStatedLengthDoesNotRunIntoTheNextAnswer(String how) throws Exception {
    try (var peer =
            Http2Peer.application(
                (stream, application) -> {
                  if (!stream.head().path().toString().equals("/evil")) {
                    stream.respond("200", "content-length", "2").send("ok", true);
                    return;
                  }
                  switch (how) {
                    case "HEAD" -> stream.respond("200", "content-length", "77").send(POISON, true);
                    case "204", "304" -> stream.respond(how).send(POISON, true);
                    case "more" -> stream.respond("200", "content-length", "3").send(POISON, true);
                    case "less" -> stream.respond("200", "content-length", "77").send("part", true);
                    default -> stream.respond(true, "200", "content-length", "77");
                  }
                });
        var proxy = new ProxyFixture(transport, peer.port());
        var client =
            new Http1Client(
                proxy.outbound(
                    io.signetmesh.proxy.upstream.Endpoint.Hint.HTTP2, true, peer.port()))) {
      String method = how.equals("HEAD") ? "HEAD" : "GET";
      client.send(method + " /evil HTTP/1.1\r\nhost: web\r\n\r\n" + GET.formatted("/v"));
      StringBuilder all = new StringBuilder();
      try {
        Message first = client.response(how.equals("HEAD"));
        all.append(first.start()).append(first.body());
        Message second = client.response();
        assertThat(second.body()).isIn("ok", "");
        all.append(second.start());
      } catch (java.io.IOException e) {
        // Cut: what the client has is no whole answer.
      }
      assertThat(all.toString()).doesNotContain("302");
    }
  }

  /** Of a WebSocket draft of 2010, with a body of eight bytes that no header states. */
  @Test
  void aBodyThatNoHeaderStatesDoesNotTakeTheBeginningOfTheNextRequest() throws Exception {
    try (var wire = Http1Wire.open(transport, Http1Application.echoingPaths())) {
      wire.client.send(
          "GET / HTTP/1.1\r\nhost: web\r\nsec-websocket-key1: 1\r\nsec-websocket-key2: 2\r\n\r\n"
              + GET.formatted("/v"));
      assertThat(wire.client.response().status()).isEqualTo(400);
      assertThat(wire.client.ended()).isTrue();
      assertThat(wire.app.requests).isEmpty();
    }
  }

  /** It may have proven what is no longer true, as after a new leaf. */
  @Test
  void aConnectionThatWasRetiredWhileItWasBusyIsNotUsedAgain() throws Exception {
    CountDownLatch answer = new CountDownLatch(1);
    try (var app =
            new Http1Application(
                (connection, application) -> {
                  while (true) {
                    application.requests.add(connection.request());
                    answer.await();
                    connection.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
                  }
                });
        var proxy = new ProxyFixture(transport, app.port());
        var client =
            new Http1Client(
                proxy.outbound(
                    io.signetmesh.proxy.upstream.Endpoint.Hint.UNKNOWN, false, app.port()))) {
      client.send(GET.formatted("/a"));
      app.request();
      proxy.retireConnections();
      proxy.loops().loops().getFirst().eventLoop().submit(() -> {}).get();
      answer.countDown();
      assertThat(client.response().body()).isEqualTo("ok");
      assertThat(client.send(GET.formatted("/b")).response().body()).isEqualTo("ok");
      assertThat(app.connections()).isEqualTo(2);
    }
  }
}

package io.signetmesh.proxy.http;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.audit.Verdict;
import io.signetmesh.proxy.connect.Connector;
import io.signetmesh.proxy.http.FakePolicy.Rules;
import io.signetmesh.proxy.http.Http1Client.Message;
import io.signetmesh.proxy.http.exchange.Drain;
import io.signetmesh.proxy.loop.IoTransport;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

@ParameterizedClass
@MethodSource("transports")
@Timeout(60)
class Http1WireTest {
  /**
   * What two proxies may hold for a body of 64 MiB that nobody takes. Most of it are read buffers
   * that are not full; it must not grow with the body.
   */
  private static final long PINNED_LIMIT = 8L * 1024 * 1024;

  private static final String GET = "GET %s HTTP/1.1\r\nhost: web\r\n\r\n";

  private final IoTransport transport;

  Http1WireTest(IoTransport transport) {
    this.transport = transport;
  }

  static java.util.stream.Stream<IoTransport> transports() {
    return Transports.here();
  }

  @Test
  void keepsBothConnectionsAlive() throws Exception {
    try (var wire = Http1Wire.open(transport, Http1Application.echoingPaths())) {
      for (int i = 0; i < 5; i++) {
        Message response = wire.client.send(GET.formatted("/" + i)).response();
        assertThat(response.status()).isEqualTo(200);
        assertThat(response.body()).isEqualTo("/" + i);
      }
      assertThat(wire.app.connections()).isEqualTo(1);
    }
  }

  @Test
  void closesWhenTheClientAsksForIt() throws Exception {
    try (var wire = Http1Wire.open(transport, Http1Application.echoingPaths())) {
      wire.client.send("GET /a HTTP/1.1\r\nhost: web\r\nconnection: close\r\n\r\n");
      Message response = wire.client.response();
      assertThat(response.header("connection")).isEqualTo("close");
      assertThat(wire.client.ended()).isTrue();
      assertThat(wire.app.request().header("connection")).isNull();
    }
  }

  @Test
  void answersPipelinedRequestsInOrder() throws Exception {
    try (var wire = Http1Wire.open(transport, Http1Application.echoingPaths())) {
      StringBuilder all = new StringBuilder();
      for (int i = 0; i < 50; i++) {
        all.append(
            i % 2 == 0
                ? GET.formatted("/" + i)
                : "POST /%d HTTP/1.1\r\nhost: web\r\ncontent-length: 3\r\n\r\nabc".formatted(i));
      }
      wire.client.send(all.toString());
      for (int i = 0; i < 50; i++) {
        assertThat(wire.client.response().body()).isEqualTo("/" + i);
      }
      assertThat(wire.client.send(GET.formatted("/last")).response().body()).isEqualTo("/last");
    }
  }

  @Test
  void answersThousandsOfPipelinedDenials() throws Exception {
    try (var wire = Http1Wire.open(transport, Http1Application.echoingPaths())) {
      wire.proxy.policy.set(new Rules(List.of("/"), List.of("/no"), List.of()));
      int denials = 5_000;
      String all = GET.formatted("/yes") + GET.formatted("/no").repeat(denials);
      Thread.ofVirtual()
          .start(
              () -> {
                try {
                  wire.client.send(all);
                } catch (java.io.IOException e) {
                  throw new java.io.UncheckedIOException(e);
                }
              });
      assertThat(wire.client.response().status()).isEqualTo(200);
      for (int i = 0; i < denials; i++) {
        assertThat(wire.client.response().status()).isEqualTo(403);
      }
    }
  }

  @Test
  void forwardsChunkedBodiesAndTrailersBothWays() throws Exception {
    try (var wire =
        Http1Wire.open(
            transport,
            Http1Application.answering(
                request ->
                    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n"
                        + "3\r\nabc\r\n2\r\nde\r\n0\r\nx-sum: 5\r\n\r\n"))) {
      wire.client.send(
          "POST /up HTTP/1.1\r\nhost: web\r\ntransfer-encoding: chunked\r\n\r\n"
              + "5;ext=1\r\nhello\r\n1\r\n!\r\n0\r\nx-check: 6\r\nl5d-client-id: forged\r\n\r\n");
      Message response = wire.client.response();
      assertThat(response.body()).isEqualTo("abcde");
      assertThat(response.trailer("x-sum")).isEqualTo("5");
      Message request = wire.app.request();
      assertThat(request.body()).isEqualTo("hello!");
      assertThat(request.trailer("x-check")).isEqualTo("6");
      assertThat(request.trailer("l5d-client-id")).isNull();
      assertThat(wire.client.send(GET.formatted("/again")).response().body()).isEqualTo("abcde");
    }
  }

  @Test
  void answersHeadWithoutBody() throws Exception {
    try (var wire =
        Http1Wire.open(
            transport,
            Http1Application.answering(
                request -> "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n"))) {
      for (int i = 0; i < 3; i++) {
        Message response = wire.client.send("HEAD / HTTP/1.1\r\nhost: web\r\n\r\n").response(true);
        assertThat(response.header("content-length")).isEqualTo("1000");
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"204 No Content", "304 Not Modified"})
  void forwardsStatusesWithoutBody(String status) throws Exception {
    try (var wire =
        Http1Wire.open(
            transport, Http1Application.answering(request -> "HTTP/1.1 " + status + "\r\n\r\n"))) {
      for (int i = 0; i < 2; i++) {
        Message response = wire.client.send(GET.formatted("/")).response();
        assertThat(response.start()).isEqualTo("HTTP/1.1 " + status);
        assertThat(response.header("transfer-encoding")).isNull();
      }
    }
  }

  @Test
  void forwardsInterimResponsesAndWaitsWithTheBody() throws Exception {
    try (var wire =
        Http1Wire.open(
            transport,
            new Http1Application(
                (connection, application) -> {
                  while (!connection.line().isEmpty()) {}
                  connection.send(
                      "HTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\n"
                          + "l5d-server-id: forged\r\n\r\n");
                  connection.send("HTTP/1.1 100 Continue\r\n\r\n");
                  byte[] body = connection.exactly(5);
                  connection.send("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n");
                  connection.send(body);
                  connection.ended();
                }))) {
      wire.client.send(
          "PUT / HTTP/1.1\r\nhost: web\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n");
      Message hints = wire.client.response();
      assertThat(hints.status()).isEqualTo(103);
      assertThat(hints.header("link")).isEqualTo("</a.css>");
      assertThat(hints.header("l5d-server-id")).isNull();
      assertThat(wire.client.response().status()).isEqualTo(100);
      assertThat(wire.client.send("hello").response().body()).isEqualTo("hello");
    }
  }

  @Test
  void servesHttp10() throws Exception {
    try (var wire =
        Http1Wire.open(
            transport,
            Http1Application.answering(
                request ->
                    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n"))) {
      Message response = wire.client.send("GET / HTTP/1.0\r\n\r\n").response();
      assertThat(response.header("transfer-encoding")).isNull();
      assertThat(response.body()).isEqualTo("body");
    }
  }

  @Test
  void tellsAnHttp10ClientThatItsConnectionIsKept() throws Exception {
    try (var wire = Http1Wire.open(transport, Http1Application.echoingPaths())) {
      for (int i = 0; i < 2; i++) {
        Message response =
            wire.client
                .send("GET /k HTTP/1.0\r\nhost: web\r\nconnection: keep-alive\r\n\r\n")
                .response();
        assertThat(response.header("connection")).isEqualToIgnoringCase("keep-alive");
        assertThat(response.body()).isEqualTo("/k");
      }
    }
  }

  @Test
  void readsBodiesThatEndWithTheConnection() throws Exception {
    try (var wire =
        Http1Wire.open(
            transport,
            new Http1Application(
                (connection, application) -> {
                  connection.request();
                  connection.send("HTTP/1.1 200 OK\r\n\r\nuntil the end");
                }))) {
      Message response = wire.client.send(GET.formatted("/")).response();
      assertThat(response.header("transfer-encoding")).isEqualTo("chunked");
      assertThat(response.body()).isEqualTo("until the end");
    }
  }

  @Test
  void cutsTheClientWhenTheApplicationEndsInTheMiddleOfABody() throws Exception {
    try (var wire =
        Http1Wire.open(
            transport,
            new Http1Application(
                (connection, application) -> {
                  connection.request();
                  connection.send("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\npart");
                  connection.shutdownOutput();
                  connection.ended();
                }))) {
      wire.client.send(GET.formatted("/"));
      assertThat(wire.client.line()).isEqualTo("HTTP/1.1 200 OK");
      while (!wire.client.line().isEmpty()) {}
      assertThat(wire.client.exactly(4)).isEqualTo("part".getBytes(ISO_8859_1));
      assertThat(wire.client.ended()).isTrue();
    }
  }

  @Test
  void answers502WhenTheApplicationHangsUpBeforeItsResponse() throws Exception {
    try (var wire =
        Http1Wire.open(
            transport,
            new Http1Application(
                (connection, application) -> {
                  connection.request();
                  connection.shutdownOutput();
                  connection.ended();
                }))) {
      wire.client.send("POST / HTTP/1.1\r\nhost: web\r\ncontent-length: 2\r\n\r\nhi");
      assertThat(wire.client.response().status()).isEqualTo(502);
    }
  }

  @Test
  void answers502WhenNothingListens() throws Exception {
    // Bound, so that nobody else listens there, and not listening.
    try (Socket reserved = new Socket()) {
      reserved.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
      try (var proxy = new ProxyFixture(transport, reserved.getLocalPort());
          var client = new Http1Client(proxy.inbound(null))) {
        Message response = client.send(GET.formatted("/")).response();
        assertThat(response.status()).isEqualTo(502);
        assertThat(response.header("l5d-proxy-error")).isNull();
        assertThat(client.ended()).isTrue();
      }
    }
  }

  @Test
  void doesNotReuseAConnectionThatTheApplicationHasEnded() throws Exception {
    try (var wire =
        Http1Wire.open(
            transport,
            new Http1Application(
                (connection, application) -> {
                  Message request = connection.request();
                  connection.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
                  connection.close();
                  // Only now: whoever has seen it knows that the FIN is at the proxy's socket.
                  application.requests.add(request);
                }))) {
      for (int i = 0; i < 20; i++) {
        // A body rules a silent retry out: the connection has to be known as dead.
        Message response =
            wire.client
                .send("POST / HTTP/1.1\r\nhost: web\r\ncontent-length: 2\r\n\r\nhi")
                .response();
        assertThat(response.status()).isEqualTo(200);
        wire.app.request();
        // What was ready before a turn of the proxy's loop is seen by the end of the next one.
        for (int turn = 0; turn < 3; turn++) {
          wire.proxy.loops().loops().getFirst().eventLoop().submit(() -> {}).get();
        }
      }
    }
  }

  @Test
  void splicesUpgradesWithBytesThatComeAlong() throws Exception {
    try (var wire =
        Http1Wire.open(
            transport,
            new Http1Application(
                (connection, application) -> {
                  application.requests.add(connection.request());
                  connection.send(
                      "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\n"
                          + "upgrade: chat\r\n\r\nwelcome");
                  byte[] said = connection.exactly(5);
                  connection.send(said);
                  assertThat(connection.ended()).isTrue();
                  connection.send("bye");
                }))) {
      wire.client.send(
          "GET /chat HTTP/1.1\r\nhost: web\r\nconnection: Upgrade\r\nupgrade: chat\r\n\r\n");
      Message response = wire.client.response();
      assertThat(response.status()).isEqualTo(101);
      assertThat(response.header("upgrade")).isEqualTo("chat");
      assertThat(new String(wire.client.exactly(7), ISO_8859_1)).isEqualTo("welcome");
      wire.client.send("hello");
      assertThat(new String(wire.client.exactly(5), ISO_8859_1)).isEqualTo("hello");
      wire.client.shutdownOutput();
      assertThat(wire.client.rest()).isEqualTo("bye");
      assertThat(wire.app.request().header("upgrade")).isEqualTo("chat");
    }
  }

  @Test
  void splicesConnectAndKeepsWhatTheClientSentTooSoon() throws Exception {
    try (var wire =
        Http1Wire.open(
            transport,
            new Http1Application(
                (connection, application) -> {
                  application.requests.add(connection.request());
                  connection.send("HTTP/1.1 200 OK\r\n\r\n");
                  connection.send(connection.exactly(9));
                  connection.ended();
                }))) {
      wire.client.send("CONNECT db:5432 HTTP/1.1\r\nhost: db:5432\r\n\r\n\0\1\2 early");
      assertThat(wire.client.line()).startsWith("HTTP/1.1 200");
      while (!wire.client.line().isEmpty()) {}
      assertThat(new String(wire.client.exactly(9), ISO_8859_1)).isEqualTo("\0\1\2 early");
      assertThat(wire.app.request().start()).isEqualTo("CONNECT db:5432 HTTP/1.1");
    }
  }

  @Test
  void goesOnAsHttpWhenAnUpgradeIsDeclined() throws Exception {
    try (var wire = Http1Wire.open(transport, Http1Application.echoingPaths())) {
      wire.client.send(
          "GET /a HTTP/1.1\r\nhost: web\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"
              + GET.formatted("/b"));
      assertThat(wire.client.response().body()).isEqualTo("/a");
      assertThat(wire.client.response().body()).isEqualTo("/b");
    }
  }

  @Test
  void removesOffersToUpgradeToHttp2() throws Exception {
    try (var wire = Http1Wire.open(transport, Http1Application.echoingPaths())) {
      wire.client
          .send(
              "GET / HTTP/1.1\r\nhost: web\r\nconnection: Upgrade, HTTP2-Settings\r\n"
                  + "upgrade: h2c\r\nhttp2-settings: AAMAAABk\r\n\r\n")
          .response();
      Message request = wire.app.request();
      assertThat(request.header("upgrade")).isNull();
      assertThat(request.header("http2-settings")).isNull();
      assertThat(request.header("connection")).isNull();
    }
  }

  @Test
  void refusesAProtocolSwitchThatNobodyAskedFor() throws Exception {
    try (var wire =
        Http1Wire.open(
            transport,
            Http1Application.answering(
                request -> "HTTP/1.1 101 Switching Protocols\r\nupgrade: evil\r\n\r\n"))) {
      assertThat(wire.client.send(GET.formatted("/")).response().status()).isEqualTo(502);
    }
  }

  @Test
  void removesHopByHopHeaders() throws Exception {
    try (var wire =
        Http1Wire.open(
            transport,
            Http1Application.answering(
                request ->
                    "HTTP/1.1 200 OK\r\nconnection: x-hop\r\nx-hop: 1\r\nkeep-alive: timeout=5\r\n"
                        + "proxy-connection: keep-alive\r\nx-end: 2\r\ncontent-length: 0\r\n\r\n"))) {
      wire.client.send(
          "GET / HTTP/1.1\r\nhost: web\r\nConnection: close , X-Secret\r\nX-Secret: 1\r\n"
              + "Keep-Alive: 3\r\nProxy-Connection: close\r\nTE: gzip\r\nx-end: 1\r\n\r\n");
      Message response = wire.client.response();
      assertThat(response.header("x-hop")).isNull();
      assertThat(response.header("keep-alive")).isNull();
      assertThat(response.header("proxy-connection")).isNull();
      assertThat(response.header("x-end")).isEqualTo("2");
      Message request = wire.app.request();
      assertThat(request.headers()).containsExactlyInAnyOrder("host: web", "x-end: 1");
    }
  }

  @Test
  void statesTheClientIdentityItselfAndNothingElseDoes() throws Exception {
    try (var app = Http1Application.echoingPaths();
        var proxy = new ProxyFixture(transport, app.port());
        var known = new Http1Client(proxy.inbound(ProxyFixture.IDENTITY));
        var unknown = new Http1Client(proxy.inbound(null))) {
      String forged =
          "GET / HTTP/1.1\r\nhost: web\r\nL5D-Client-Id: admin\r\nl5d_client_id: admin\r\n\r\n";
      known.send(forged).response();
      assertThat(app.request().headers())
          .contains("l5d-client-id: " + ProxyFixture.IDENTITY)
          .noneMatch(header -> header.endsWith("admin"));
      unknown.send(forged).response();
      assertThat(app.request().headers()).noneMatch(header -> header.startsWith("l5d"));
    }
  }

  @Test
  void sendsAbsoluteFormAsOriginFormOnlyWhenTheAuthorityIsKept() throws Exception {
    try (var wire = Http1Wire.open(transport, Http1Application.echoingPaths())) {
      wire.client.send("GET http://shop:81/a?b HTTP/1.1\r\nhost: other\r\n\r\n").response();
      Message request = wire.app.request();
      assertThat(request.path()).isEqualTo("http://shop:81/a?b");
      assertThat(request.header("host")).isEqualTo("shop:81");
    }
  }

  @Test
  void mapsRefusalsToStatusesAndRecordsThem() throws Exception {
    try (var wire = Http1Wire.open(transport, Http1Application.echoingPaths())) {
      wire.proxy.policy.set(new Rules(List.of("/api"), List.of("/api/secret"), List.of()));
      assertThat(wire.client.send(GET.formatted("/api/x?token=1")).response().status())
          .isEqualTo(200);
      assertThat(wire.client.send(GET.formatted("/api/secret")).response().status()).isEqualTo(403);
      assertThat(wire.client.send(GET.formatted("/other")).response().status()).isEqualTo(404);
      wire.proxy.policy.forget();
      assertThat(wire.client.send(GET.formatted("/api/x")).response().status()).isEqualTo(403);
      assertThat(wire.proxy.decisions)
          .extracting(event -> event.verdict() + " " + event.reason() + " " + event.path())
          .containsExactly(
              Verdict.ALLOW + " authorized /api/x",
              Verdict.DENY + " identity-mismatch /api/secret",
              Verdict.DENY + " no-route /other",
              Verdict.DENY + " no-policy /api/x");
      assertThat(wire.app.requests).hasSize(1);
    }
  }

  @Test
  void aDeniedUploadIsAnsweredWithoutBeingRead() throws Exception {
    try (var wire = Http1Wire.open(transport, Http1Application.echoingPaths())) {
      wire.proxy.policy.set(new Rules(List.of("/"), List.of("/"), List.of()));
      wire.client.send("POST / HTTP/1.1\r\nhost: web\r\ncontent-length: 10000000\r\n\r\n");
      wire.client.send(new byte[512 * 1024]);
      Message response = wire.client.response();
      assertThat(response.status()).isEqualTo(403);
      assertThat(response.header("connection")).isEqualTo("close");
      assertThat(wire.client.ended()).isTrue();
      assertThat(wire.app.connections()).isZero();
    }
  }

  @Test
  void cutsRequestsInFlightThatLoseTheirRight() throws Exception {
    CountDownLatch reached = new CountDownLatch(2);
    try (var app =
            new Http1Application(
                (connection, application) -> {
                  Message request = connection.request();
                  if (request.path().equals("/streaming")) {
                    connection.send("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\npart");
                  }
                  reached.countDown();
                  connection.ended();
                });
        var proxy = new ProxyFixture(transport, app.port());
        var waiting = new Http1Client(proxy.inbound(null));
        var streaming = new Http1Client(proxy.inbound(null));
        var idle = new Http1Client(proxy.inbound(null))) {
      waiting.send(GET.formatted("/waiting"));
      streaming.send(GET.formatted("/streaming"));
      reached.await();
      while (!streaming.line().isEmpty()) {}
      streaming.exactly(4);
      proxy.policy.set(new Rules(List.of("/"), List.of("/"), List.of()));
      assertThat(waiting.response().status()).isEqualTo(403);
      assertThat(streaming.ended()).isTrue();
      assertThat(idle.send(GET.formatted("/")).response().status()).isEqualTo(403);
    }
  }

  @Test
  void refusesAHeadBeyondItsLimitWith431() throws Exception {
    try (var app = Http1Application.echoingPaths();
        var proxy = new ProxyFixture(transport, app.port())) {
      int port = proxy.inbound(null);
      for (String head :
          List.of(
              "GET / HTTP/1.1\r\nhost: web\r\nx-long: " + "a".repeat(10 << 20) + "\r\n\r\n",
              "GET / HTTP/1.1\r\nhost: web\r\n" + "x-many: abcdefgh\r\n".repeat(5000) + "\r\n",
              "GET /" + "a".repeat(100_000) + " HTTP/1.1\r\nhost: web\r\n\r\n")) {
        try (var client = new Http1Client(port)) {
          Thread.ofVirtual()
              .start(
                  () -> {
                    try {
                      client.send(head);
                    } catch (java.io.IOException e) {
                      // The proxy may hang up before it has read all of it.
                    }
                  });
          assertThat(client.response().status()).isEqualTo(431);
          assertThat(client.ended()).isTrue();
        }
      }
      try (var client = new Http1Client(port)) {
        String fits = "GET / HTTP/1.1\r\nhost: web\r\nx-long: " + "a".repeat(60_000) + "\r\n\r\n";
        assertThat(client.send(fits).response().status()).isEqualTo(200);
      }
    }
  }

  @Test
  void closesConnectionsWhoseHeadComesTooSlowly() throws Exception {
    try (var wire =
        Http1Wire.open(
            transport,
            Http1Application.echoingPaths(),
            config -> config.headTimeout(Duration.ofMillis(200)))) {
      wire.client.send("GET / HTTP/1.1\r\nhost: we");
      assertThat(wire.client.ended()).isTrue();
    }
  }

  @Test
  void answersEverythingThatWasAskedBeforeTheEndOfInput() throws Exception {
    try (var wire = Http1Wire.open(transport, Http1Application.echoingPaths())) {
      wire.client.send(GET.formatted("/a") + GET.formatted("/b") + GET.formatted("/c"));
      wire.client.shutdownOutput();
      assertThat(wire.client.response().body()).isEqualTo("/a");
      assertThat(wire.client.response().body()).isEqualTo("/b");
      assertThat(wire.client.response().body()).isEqualTo("/c");
      assertThat(wire.client.ended()).isTrue();
    }
  }

  @Test
  void givesUpARequestWhoseClientEndsInTheMiddleOfIt() throws Exception {
    CountDownLatch begun = new CountDownLatch(1);
    CountDownLatch ended = new CountDownLatch(1);
    try (var wire =
        Http1Wire.open(
            transport,
            new Http1Application(
                (connection, application) -> {
                  while (!connection.line().isEmpty()) {}
                  connection.exactly(4);
                  begun.countDown();
                  if (connection.ended()) {
                    ended.countDown();
                  }
                }))) {
      wire.client.send("POST / HTTP/1.1\r\nhost: web\r\ncontent-length: 10\r\n\r\npart");
      begun.await();
      wire.client.shutdownOutput();
      assertThat(ended.await(10, java.util.concurrent.TimeUnit.SECONDS)).isTrue();
      assertThat(wire.client.ended()).isTrue();
    }
  }

  /** An application that hangs up on the second request of every connection. */
  private static Http1Application tired() throws java.io.IOException {
    return new Http1Application(
        (connection, application) -> {
          application.requests.add(connection.request());
          connection.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
          application.requests.add(connection.request());
        });
  }

  @Test
  void sendsAnIdempotentRequestAgainThatMetADeadConnection() throws Exception {
    try (var wire = Http1Wire.open(transport, tired())) {
      assertThat(wire.client.send(GET.formatted("/a")).response().status()).isEqualTo(200);
      assertThat(wire.client.send(GET.formatted("/b")).response().status()).isEqualTo(200);
      assertThat(wire.app.connections()).isEqualTo(2);
      assertThat(wire.app.requests).extracting(Message::path).containsExactly("/a", "/b", "/b");
    }
  }

  @Test
  void sendsNothingTwiceThatMayHaveBeenActedOn() throws Exception {
    try (var wire = Http1Wire.open(transport, tired())) {
      assertThat(wire.client.send(GET.formatted("/a")).response().status()).isEqualTo(200);
      wire.client.send("POST /b HTTP/1.1\r\nhost: web\r\ncontent-length: 0\r\n\r\n");
      assertThat(wire.client.response().status()).isEqualTo(502);
      assertThat(wire.app.requests).extracting(Message::path).containsExactly("/a", "/b");
    }
  }

  @Test
  void aFreshConnectionThatDiesIsNoReasonToSendAgain() throws Exception {
    try (var wire =
        Http1Wire.open(
            transport,
            new Http1Application(
                (connection, application) -> application.requests.add(connection.request())))) {
      assertThat(wire.client.send(GET.formatted("/a")).response().status()).isEqualTo(502);
      assertThat(wire.app.requests).hasSize(1);
    }
  }

  @Test
  void keepsPlainFormsAcrossTheMesh() throws Exception {
    try (var app =
            new Http1Application(
                (connection, application) -> {
                  while (true) {
                    StringBuilder head = new StringBuilder();
                    for (String l = connection.line(); !l.isEmpty(); l = connection.line()) {
                      head.append(l).append('\n');
                    }
                    if (head.indexOf("expect") >= 0) {
                      connection.send("HTTP/1.1 100 Continue\r\n\r\n");
                      connection.exactly(5);
                    }
                    connection.send(
                        head.indexOf("HEAD") == 0
                            ? "HTTP/1.1 200 OK\r\ncontent-length: 77\r\n\r\n"
                            : head.indexOf("/none") > 0
                                ? "HTTP/1.1 204 No Content\r\n\r\n"
                                : "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
                                    + "2\r\nok\r\n0\r\nx-sum: 2\r\n\r\n");
                  }
                });
        var proxy = new ProxyFixture(transport, app.port());
        var client = new Http1Client(proxy.pair())) {
      client.send("HEAD / HTTP/1.1\r\nhost: web\r\n\r\n");
      assertThat(client.response(true).header("content-length")).isEqualTo("77");
      Message trailers = client.send(GET.formatted("/chunked")).response();
      assertThat(trailers.body()).isEqualTo("ok");
      assertThat(trailers.trailer("x-sum")).isEqualTo("2");
      assertThat(client.send(GET.formatted("/none")).response().status()).isEqualTo(204);
      client.send(
          "PUT / HTTP/1.1\r\nhost: web\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n");
      assertThat(client.response().status()).isEqualTo(100);
      assertThat(client.send("hello").response().body()).isEqualTo("ok");
    }
  }

  @Test
  void splicesUpgradesAcrossTheMesh() throws Exception {
    try (var app =
            new Http1Application(
                (connection, application) -> {
                  application.requests.add(connection.request());
                  connection.send(
                      "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\n"
                          + "upgrade: chat\r\n\r\nwelcome");
                  connection.send(connection.exactly(5));
                  connection.ended();
                });
        var proxy = new ProxyFixture(transport, app.port());
        var client = new Http1Client(proxy.pair())) {
      client.send(
          "GET /chat HTTP/1.1\r\nhost: web\r\nconnection: Upgrade\r\nupgrade: chat\r\n\r\n");
      assertThat(client.response().status()).isEqualTo(101);
      assertThat(new String(client.exactly(7), ISO_8859_1)).isEqualTo("welcome");
      client.send("hello");
      assertThat(new String(client.exactly(5), ISO_8859_1)).isEqualTo("hello");
      assertThat(proxy.sessions).containsExactly(Connector.Session.HTTP1);
      assertThat(proxy.leases).hasValue(1);
      proxy.policy.set(new Rules(List.of("/"), List.of("/"), List.of()));
      assertThat(client.ended()).isTrue();
      client.close();
      await(() -> proxy.leases.get() == 0 && proxy.policy.registrations() == 0);
    }
  }

  private static void await(java.util.function.BooleanSupplier condition) {
    long deadline = System.nanoTime() + Duration.ofSeconds(10).toNanos();
    while (!condition.getAsBoolean()) {
      assertThat(System.nanoTime()).as("time").isLessThan(deadline);
      Thread.onSpinWait();
    }
  }

  @Test
  void drainingEndsIdleConnectionsAtOnceAndOthersAfterTheirResponse() throws Exception {
    CountDownLatch answer = new CountDownLatch(1);
    try (var app =
            new Http1Application(
                (connection, application) -> {
                  application.requests.add(connection.request());
                  answer.await();
                  connection.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
                  connection.ended();
                });
        var proxy = new ProxyFixture(transport, app.port())) {
      int port = proxy.inbound(null);
      proxy.policy.set(new Rules(List.of("/"), List.of("/no"), List.of()));
      try (var busy = new Http1Client(port);
          var idle = new Http1Client(port)) {
        assertThat(idle.send(GET.formatted("/no")).response().status()).isEqualTo(403);
        busy.send(GET.formatted("/"));
        app.request();
        proxy.loops().tellAccepted(Drain.BEGIN);
        proxy.loops().loops().getFirst().eventLoop().submit(() -> {}).get();
        assertThat(idle.ended()).isTrue();
        answer.countDown();
        Message response = busy.response();
        assertThat(response.body()).isEqualTo("ok");
        assertThat(response.header("connection")).isEqualTo("close");
        assertThat(busy.ended()).isTrue();
      }
    }
  }

  @Test
  void anAnnouncedEndAnswersOneMoreRequestOfAnIdleConnectionAndSaysSo() throws Exception {
    try (var app = new Http1Application((connection, application) -> connection.request());
        var proxy = new ProxyFixture(transport, app.port())) {
      proxy.policy.set(new Rules(List.of("/"), List.of("/no"), List.of()));
      try (var idle = new Http1Client(proxy.inbound(null))) {
        Message first = idle.send(GET.formatted("/no")).response();
        assertThat(first.status()).isEqualTo(403);
        assertThat(first.header("connection")).isNull();
        for (int i = 0; i < 2; i++) {
          proxy.loops().tellAccepted(Drain.ANNOUNCE);
          proxy.loops().loops().getFirst().eventLoop().submit(() -> {}).get();
        }
        Message last = idle.send(GET.formatted("/no")).response();
        assertThat(last.status()).isEqualTo(403);
        assertThat(last.header("connection")).isEqualTo("close");
        assertThat(idle.ended()).isTrue();
      }
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void aSlowClientHoldsTheApplication(boolean mesh) throws Exception {
    int chunk = 64 * 1024;
    int chunks = 1024;
    java.util.concurrent.atomic.AtomicInteger sent =
        new java.util.concurrent.atomic.AtomicInteger();
    try (var app =
            new Http1Application(
                (connection, application) -> {
                  connection.request();
                  connection.send(
                      "HTTP/1.1 200 OK\r\ncontent-length: " + chunk * chunks + "\r\n\r\n");
                  for (int i = 0; i < chunks; i++) {
                    connection.send(new byte[chunk]);
                    sent.incrementAndGet();
                  }
                  connection.ended();
                });
        var proxy = new ProxyFixture(transport, app.port());
        var client = new Http1Client(mesh ? proxy.pair() : proxy.inbound(null))) {
      client.send(GET.formatted("/"));
      while (!client.line().isEmpty()) {}
      atRest(sent);
      // The kernel's buffers of three connections at most; the rest waits with the application.
      assertThat((long) sent.get() * chunk).isLessThan(32L * 1024 * 1024);
      assertThat(proxy.pinnedBytes()).isLessThan(PINNED_LIMIT);
      client.exactly(chunk * chunks);
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void aSlowApplicationHoldsTheClient(boolean mesh) throws Exception {
    int chunk = 64 * 1024;
    int chunks = 1024;
    CountDownLatch read = new CountDownLatch(1);
    java.util.concurrent.atomic.AtomicInteger sent =
        new java.util.concurrent.atomic.AtomicInteger();
    try (var app =
            new Http1Application(
                (connection, application) -> {
                  while (!connection.line().isEmpty()) {}
                  read.await();
                  connection.exactly(chunk * chunks);
                  connection.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
                  connection.ended();
                });
        var proxy = new ProxyFixture(transport, app.port());
        var client = new Http1Client(mesh ? proxy.pair() : proxy.inbound(null))) {
      client.send("POST / HTTP/1.1\r\nhost: web\r\ncontent-length: " + chunk * chunks + "\r\n\r\n");
      Thread.ofVirtual()
          .start(
              () -> {
                try {
                  for (int i = 0; i < chunks; i++) {
                    client.send(new byte[chunk]);
                    sent.incrementAndGet();
                  }
                } catch (java.io.IOException e) {
                  // The test says that the response did not come.
                }
              });
      atRest(sent);
      assertThat((long) sent.get() * chunk).isLessThan(32L * 1024 * 1024);
      assertThat(proxy.pinnedBytes()).isLessThan(PINNED_LIMIT);
      read.countDown();
      assertThat(client.response().body()).isEqualTo("ok");
    }
  }

  private static void atRest(java.util.concurrent.atomic.AtomicInteger sent) {
    int before;
    do {
      before = sent.get();
      java.util.concurrent.locks.LockSupport.parkNanos(Duration.ofMillis(200).toNanos());
    } while (sent.get() != before);
  }

  @Test
  void forgetsClosedConnections() throws Exception {
    try (var app = Http1Application.echoingPaths();
        var proxy = new ProxyFixture(transport, app.port())) {
      int port = proxy.inbound(null);
      for (int i = 0; i < 3; i++) {
        try (var client = new Http1Client(port)) {
          client.send(GET.formatted("/")).response();
          assertThat(proxy.policy.registrations()).isPositive();
        }
      }
      Http2WireTest.await("registrations are given back", () -> proxy.policy.registrations() == 0);
    }
  }
}

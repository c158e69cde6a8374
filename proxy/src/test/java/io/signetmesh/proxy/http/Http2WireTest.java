package io.signetmesh.proxy.http;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.handler.codec.http2.DefaultHttp2Headers;
import io.netty.handler.codec.http2.Http2Error;
import io.netty.handler.codec.http2.Http2Headers;
import io.netty.handler.codec.http2.Http2Settings;
import io.signetmesh.proxy.connect.Connector;
import io.signetmesh.proxy.http.FakePolicy.Rules;
import io.signetmesh.proxy.http.Http2Peer.Event;
import io.signetmesh.proxy.http.Http2Peer.Message;
import io.signetmesh.proxy.http.Http2Peer.Stream;
import io.signetmesh.proxy.http.exchange.Drain;
import io.signetmesh.proxy.loop.IoTransport;
import io.signetmesh.proxy.upstream.Endpoint.Hint;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;

@ParameterizedClass
@MethodSource("transports")
@Timeout(60)
class Http2WireTest {
  private static final Rules ALLOW = new Rules(List.of("/"), List.of(), List.of());

  private final IoTransport transport;

  Http2WireTest(IoTransport transport) {
    this.transport = transport;
  }

  static java.util.stream.Stream<IoTransport> transports() {
    return Transports.here();
  }

  static void await(String what, BooleanSupplier condition) {
    long deadline = System.nanoTime() + Duration.ofSeconds(10).toNanos();
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() - deadline > 0) {
        throw new AssertionError("did not come about: " + what);
      }
      Thread.onSpinWait();
    }
  }

  @Test
  void forwardsRequestsOfOneConnectionOverOneConnection() throws Exception {
    try (var app = Http2Peer.echoingPaths();
        var proxy = new ProxyFixture(transport, app.port());
        var client = Http2Peer.client(proxy.inbound(ProxyFixture.IDENTITY))) {
      List<Stream> streams = new java.util.ArrayList<>();
      for (int i = 0; i < 50; i++) {
        streams.add(client.get("/" + i));
      }
      for (int i = 0; i < 50; i++) {
        assertThat(streams.get(i).rest().body()).isEqualTo("/" + i);
      }
      assertThat(app.connections).hasSize(1);
      Http2Headers request = app.accepted().head();
      assertThat(request.get("l5d-client-id")).asString().isEqualTo(ProxyFixture.IDENTITY);
      assertThat(request.authority()).asString().isEqualTo("web");
    }
  }

  @Test
  void streamsInBothDirectionsAtOnceAndEndsWithTrailers() throws Exception {
    try (var app =
            Http2Peer.application(
                (stream, application) -> {
                  stream.respond("200", "content-type", "application/grpc");
                  while (stream.next() instanceof Event.Data data) {
                    stream.consumed(data);
                    if (data.end()) {
                      break;
                    }
                    stream.send("re:" + new String(data.bytes()), false);
                  }
                  stream.trailers("grpc-status", "0", "x-sum", "3");
                });
        var proxy = new ProxyFixture(transport, app.port());
        var client = Http2Peer.client(proxy.pair())) {
      Stream stream =
          client.open("POST", "/chat", false, "content-type", "application/grpc", "te", "trailers");
      assertThat(stream.nextHead().status()).asString().isEqualTo("200");
      for (int i = 0; i < 3; i++) {
        stream.send("m" + i, false);
        assertThat(stream.nextData()).isEqualTo("re:m" + i);
      }
      stream.send("", true);
      Http2Headers trailers = stream.nextHead();
      assertThat(trailers.get("grpc-status")).asString().isEqualTo("0");
      assertThat(trailers.get("x-sum")).asString().isEqualTo("3");
      assertThat(app.accepted().head().get("te")).asString().isEqualTo("trailers");
    }
  }

  @Test
  void forwardsTrailersOfRequests() throws Exception {
    try (var app =
            Http2Peer.application(
                (stream, application) -> {
                  Message request = stream.rest();
                  stream.respond(
                      true, "200", "x-body", request.body(), "x-sum", request.trailer("sum") + "");
                });
        var proxy = new ProxyFixture(transport, app.port());
        var client = Http2Peer.client(proxy.inbound(null))) {
      Stream stream = client.open("POST", "/", false);
      stream.send("abc", false).trailers("sum", "7", "l5d-client-id", "forged");
      Message response = stream.rest();
      assertThat(response.header("x-body")).isEqualTo("abc");
      assertThat(response.header("x-sum")).isEqualTo("7");
    }
  }

  @Test
  void refusesGrpcInItsOwnTermsAndHttpInIts() throws Exception {
    try (var app = Http2Peer.echoingPaths();
        var proxy = new ProxyFixture(transport, app.port());
        var client = Http2Peer.client(proxy.inbound(null));
        var meshed = Http2Peer.client(proxy.inbound(ProxyFixture.IDENTITY))) {
      proxy.policy.set(new Rules(List.of("/api"), List.of("/api/secret"), List.of()));
      assertThat(client.get("/api/secret").rest().status()).isEqualTo(403);
      assertThat(client.get("/other").rest().status()).isEqualTo(404);
      Message denied =
          client.open("POST", "/api/secret", true, "content-type", "application/grpc").rest();
      assertThat(denied.status()).isEqualTo(200);
      assertThat(denied.header("grpc-status")).isEqualTo("7");
      assertThat(denied.header("content-type")).isEqualTo("application/grpc");
      assertThat(denied.header("grpc-message")).isNull();
      Message unknown =
          client.open("POST", "/other", true, "content-type", "application/grpc+proto").rest();
      assertThat(unknown.header("grpc-status")).isEqualTo("5");
      Message told =
          meshed.open("POST", "/api/secret", true, "content-type", "application/grpc").rest();
      assertThat(told.header("grpc-message")).isEqualTo("unauthorized");
      assertThat(told.header("l5d-proxy-error")).isEqualTo("unauthorized");
      assertThat(app.accepted).isEmpty();
    }
  }

  @Test
  void aDeniedUploadIsAnsweredAndReset() throws Exception {
    try (var app = Http2Peer.echoingPaths();
        var proxy = new ProxyFixture(transport, app.port());
        var client = Http2Peer.client(proxy.inbound(null))) {
      proxy.policy.set(new Rules(List.of("/"), List.of("/no"), List.of()));
      Stream denied = client.open("POST", "/no", false);
      denied.send(new byte[100_000], false);
      assertThat(denied.nextHead().status()).asString().isEqualTo("403");
      assertThat(denied.nextReset()).isEqualTo(Http2Error.NO_ERROR.code());
      assertThat(client.get("/yes").rest().status()).isEqualTo(200);
    }
  }

  @Test
  void manyDeniedUploadsLeaveTheConnectionToOtherRequests() throws Exception {
    try (var app = Http2Peer.echoingPaths();
        var proxy = new ProxyFixture(transport, app.port());
        var client = Http2Peer.client(proxy.inbound(null))) {
      proxy.policy.set(new Rules(List.of("/"), List.of("/no"), List.of()));
      for (int i = 0; i < 300; i++) {
        Stream denied = client.open("POST", "/no", false);
        assertThat(denied.nextHead().status()).asString().isEqualTo("403");
        assertThat(denied.nextReset()).isEqualTo(Http2Error.NO_ERROR.code());
      }
      assertThat(client.get("/yes").rest().status()).isEqualTo(200);
    }
  }

  @Test
  void valuesThatWouldEndALineElsewhereAreRefused() throws Exception {
    try (var app = Http2Peer.echoingPaths();
        var proxy = new ProxyFixture(transport, app.port());
        var client = Http2Peer.client(proxy.inbound(ProxyFixture.IDENTITY))) {
      for (String value :
          List.of(
              "a\r\nl5d-client-id: forged", "a\nb", "a\0b", " a", "\ta", "a ", "a\t", "a b \t")) {
        assertThat(client.get("/", "x-value", value).nextReset())
            .isEqualTo(Http2Error.PROTOCOL_ERROR.code());
      }
      Stream stream = client.open("POST", "/", false);
      stream.send("abc", false).trailers("x-sum", "7\r\nx: y");
      assertThat(client.get("/", "x-value", "a b\tc").rest().status()).isEqualTo(200);
    }
  }

  @Test
  void passesResetsOnInBothDirections() throws Exception {
    CountDownLatch cancelled = new CountDownLatch(1);
    try (var app =
            Http2Peer.application(
                (stream, application) -> {
                  switch (stream.head().path().toString()) {
                    case "/begun" -> {
                      stream.respond("200").send("part", false);
                      stream.reset(Http2Error.ENHANCE_YOUR_CALM);
                    }
                    case "/at-once" -> stream.reset(Http2Error.INADEQUATE_SECURITY);
                    default -> {
                      if (stream.nextReset() == Http2Error.CANCEL.code()) {
                        cancelled.countDown();
                      }
                    }
                  }
                });
        var proxy = new ProxyFixture(transport, app.port());
        var client = Http2Peer.client(proxy.inbound(null))) {
      Stream begun = client.get("/begun");
      assertThat(begun.nextHead().status()).asString().isEqualTo("200");
      assertThat(begun.nextReset()).isEqualTo(Http2Error.ENHANCE_YOUR_CALM.code());
      assertThat(client.get("/at-once").nextReset())
          .isEqualTo(Http2Error.INADEQUATE_SECURITY.code());
      Stream given = client.open("GET", "/given-up", false);
      await("stream at the application", () -> app.accepted.size() == 3);
      given.reset(Http2Error.CANCEL);
      assertThat(cancelled.await(10, java.util.concurrent.TimeUnit.SECONDS)).isTrue();
    }
  }

  @Test
  void sendsRefusedStreamsAgainAndTellsWhenThatIsInVain() throws Exception {
    AtomicInteger attempts = new AtomicInteger();
    try (var app =
            Http2Peer.application(
                (stream, application) -> {
                  int attempt = attempts.incrementAndGet();
                  if (stream.head().path().toString().equals("/never") || attempt == 1) {
                    stream.reset(Http2Error.REFUSED_STREAM);
                  } else {
                    stream.respond(true, "200");
                  }
                });
        var proxy = new ProxyFixture(transport, app.port());
        var client = Http2Peer.client(proxy.inbound(null))) {
      assertThat(client.open("POST", "/once", true).rest().status()).isEqualTo(200);
      assertThat(attempts).hasValue(2);
      assertThat(client.open("POST", "/never", true).nextReset())
          .isEqualTo(Http2Error.REFUSED_STREAM.code());
      assertThat(attempts).hasValue(5);
    }
  }

  @Test
  void goAwayMovesNewStreamsToAnotherConnectionAndLeavesTheOldOnesAlone() throws Exception {
    CountDownLatch finish = new CountDownLatch(1);
    try (var app =
            Http2Peer.application(
                (stream, application) -> {
                  if (stream.head().path().toString().equals("/long")) {
                    stream.respond("200").send("begun", false);
                    finish.await();
                    stream.send("ended", true);
                  } else {
                    stream.respond(true, "200");
                  }
                });
        var proxy = new ProxyFixture(transport, app.port());
        var client = Http2Peer.client(proxy.inbound(null))) {
      Stream running = client.get("/long");
      running.nextHead();
      assertThat(running.nextData()).isEqualTo("begun");
      Stream first = app.accepted();
      first.connection().goAway(first.id());
      first.connection().awaitGoAway();
      assertThat(client.get("/next").rest().status()).isEqualTo(200);
      assertThat(app.connections).hasSize(2);
      finish.countDown();
      assertThat(running.nextData()).isEqualTo("ended");
      assertThat(first.connection().awaitClose()).isTrue();
    }
  }

  @Test
  void streamsBeyondAGoAwayAreSentAgain() throws Exception {
    AtomicInteger attempts = new AtomicInteger();
    try (var app =
            Http2Peer.application(
                (stream, application) -> {
                  if (attempts.incrementAndGet() == 1) {
                    stream.connection().goAway(0);
                  } else {
                    stream.respond(true, "200");
                  }
                });
        var proxy = new ProxyFixture(transport, app.port());
        var client = Http2Peer.client(proxy.inbound(null))) {
      assertThat(client.open("POST", "/", true).rest().status()).isEqualTo(200);
      assertThat(attempts).hasValue(2);
    }
  }

  @Test
  void aSlowReaderHoldsItsSourceAndNobodyElse() throws Exception {
    int chunk = 64 * 1024;
    int chunks = 1024;
    AtomicInteger sent = new AtomicInteger();
    try (var app =
            Http2Peer.application(
                (stream, application) -> {
                  if (stream.head().path().toString().equals("/big")) {
                    stream.respond("200");
                    for (int i = 1; i <= chunks; i++) {
                      stream.sendAndAwait(new byte[chunk], i == chunks);
                      sent.incrementAndGet();
                    }
                  } else {
                    stream.respond(true, "200");
                  }
                });
        var proxy = new ProxyFixture(transport, app.port());
        var client = Http2Peer.client(proxy.pair())) {
      Stream big = client.get("/big");
      big.nextHead();
      List<Event.Data> unread = new java.util.ArrayList<>();
      int before;
      do {
        before = sent.get();
        // While the client gives no window back, the flow must come to rest.
        for (int i = 0; i < 5; i++) {
          assertThat(client.get("/small").rest().status()).isEqualTo(200);
        }
        java.util.concurrent.locks.LockSupport.parkNanos(Duration.ofMillis(50).toNanos());
      } while (sent.get() != before);
      assertThat(sent.get() * chunk).isLessThan(3 * 1024 * 1024);
      long received = 0;
      while (true) {
        Event event = big.next();
        assertThat(event).isInstanceOf(Event.Data.class);
        Event.Data data = (Event.Data) event;
        unread.add(data);
        big.consumed(data);
        received += data.bytes().length;
        if (data.end()) {
          break;
        }
      }
      assertThat(received).isEqualTo((long) chunk * chunks);
    }
  }

  @Test
  void requestsInFlightThatLoseTheirRightAreCut() throws Exception {
    try (var app =
            Http2Peer.application(
                (stream, application) -> {
                  if (stream.head().path().toString().equals("/begun")) {
                    stream.respond("200").send("part", false);
                  }
                });
        var proxy = new ProxyFixture(transport, app.port());
        var client = Http2Peer.client(proxy.inbound(null))) {
      Stream begun = client.get("/begun");
      begun.nextHead();
      begun.nextData();
      Stream grpc = client.open("POST", "/waiting", true, "content-type", "application/grpc");
      Stream waiting = client.get("/waiting");
      Stream kept = client.get("/kept");
      await("streams at the application", () -> app.accepted.size() == 4);
      proxy.policy.set(new Rules(List.of("/"), List.of("/begun", "/waiting"), List.of()));
      assertThat(begun.nextReset()).isEqualTo(Http2Error.CANCEL.code());
      assertThat(grpc.rest().header("grpc-status")).isEqualTo("7");
      assertThat(waiting.rest().status()).isEqualTo(403);
      for (int i = 0; i < 3; i++) {
        assertThat(app.accepted().nextReset()).isEqualTo(Http2Error.CANCEL.code());
      }
      app.accepted().respond(true, "200");
      assertThat(kept.rest().status()).isEqualTo(200);
      assertThat(proxy.decisions).filteredOn(event -> event.policyGeneration() == 7).hasSize(7);
    }
  }

  @Test
  void drainingFinishesWhatIsInFlight() throws Exception {
    try (var app = Http2Peer.application((stream, application) -> stream.respond("200"));
        var proxy = new ProxyFixture(transport, app.port());
        var client = Http2Peer.client(proxy.inbound(null))) {
      Stream running = client.get("/");
      running.nextHead();
      proxy.loops().tellAccepted(Drain.BEGIN);
      assertThat(client.connection().awaitGoAway())
          .containsExactly((long) running.id(), Http2Error.NO_ERROR.code());
      app.accepted().send("to the end", true);
      assertThat(running.nextData()).isEqualTo("to the end");
      assertThat(client.connection().awaitClose()).isTrue();
    }
  }

  @Test
  void anAnnouncedEndServesWhatTheClientHasSentByThenAndEndsLater() throws Exception {
    try (var app = Http2Peer.application((stream, application) -> stream.respond(true, "200"));
        var proxy = new ProxyFixture(transport, app.port());
        var client = Http2Peer.client(proxy.inbound(null))) {
      assertThat(client.get("/").rest().status()).isEqualTo(200);
      proxy.loops().tellAccepted(Drain.ANNOUNCE);
      proxy.loops().tellAccepted(Drain.ANNOUNCE);
      assertThat(client.connection().awaitGoAway())
          .containsExactly((long) Integer.MAX_VALUE, Http2Error.NO_ERROR.code());
      // As if it had been under way.
      Stream crossing = client.get("/");
      assertThat(crossing.rest().status()).isEqualTo(200);
      proxy.loops().tellAccepted(Drain.BEGIN);
      assertThat(client.connection().awaitGoAway())
          .containsExactly((long) crossing.id(), Http2Error.NO_ERROR.code());
      assertThat(client.connection().awaitClose()).isTrue();
    }
  }

  @Test
  void refusesAHeadBeyondItsLimitWith431() throws Exception {
    try (var app =
            Http2Peer.application(
                (stream, application) -> stream.respond(true, "200"),
                Http2Settings.defaultSettings().maxHeaderListSize(1 << 20));
        var proxy = new ProxyFixture(transport, app.port());
        var client = Http2Peer.client(proxy.inbound(null))) {
      assertThat(client.get("/", "x-long", "a".repeat(66_000)).nextHead().status())
          .asString()
          .isEqualTo("431");
      assertThat(client.get("/", "x-long", "a".repeat(60_000)).rest().status()).isEqualTo(200);
    }
  }

  @Test
  void malformedRequestsAreResetAndReachNobody() throws Exception {
    try (var app = Http1Application.echoingPaths();
        var proxy = new ProxyFixture(transport, app.port())) {
      int port = proxy.inbound(ProxyFixture.IDENTITY);
      List<Http2Headers> malformed =
          List.of(
              head().add("transfer-encoding", "chunked"),
              head().add("connection", "close"),
              head().add("x-a", "b\r\nx-c: d"),
              head().add("x-a", "b\nx-c: d"),
              head().add("x-a: b\r\nx-c", "d"),
              head().add("X-Upper", "d"),
              head().add("content-length", "5").add("content-length", "6"),
              head().add("content-length", "+5"),
              head().add("host", "other"),
              head().path("/a b"),
              head().path("/a\r\nx: y"),
              head().path("a"),
              head().path(""),
              head().path("http://web/"),
              head().method("GET / HTTP/1.1\r\nx:"),
              head().method("G ET"),
              head().authority("user@web"),
              head().authority("web/x"),
              head().method("CONNECT"),
              head().add("te", "gzip"));
      for (Http2Headers one : malformed) {
        try (var client = Http2Peer.client(port)) {
          Stream stream = client.open(one.add("l5d-orig-proto", "HTTP/1.1"), true);
          assertThat(stream.next())
              .as(one.toString())
              .satisfiesAnyOf(
                  event -> assertThat(event).isInstanceOf(Event.Reset.class),
                  event -> assertThat(event).isInstanceOf(Event.Closed.class),
                  event ->
                      assertThat(event)
                          .isInstanceOfSatisfying(
                              Event.Head.class,
                              answer ->
                                  assertThat(answer.headers().status())
                                      .asString()
                                      .isEqualTo("400")));
        }
      }
      // Each of them is on record, once.
      assertThat(proxy.decisions)
          .hasSize(malformed.size())
          .allMatch(decision -> !decision.reason().equals("authorized"));
      assertThat(app.requests).isEmpty();
    }
  }

  private static Http2Headers head() {
    return new DefaultHttp2Headers(false).method("GET").scheme("http").authority("web").path("/");
  }

  @Test
  void aBodyThatIsNotAsLongAsSaidIsCut() throws Exception {
    try (var app =
            new Http1Application(
                (connection, application) -> {
                  while (!connection.line().isEmpty()) {}
                  application.requests.add(
                      new Http1Client.Message("head", List.of(), "", List.of()));
                  application.requests.add(
                      new Http1Client.Message(connection.restOfCut(), List.of(), "", List.of()));
                });
        var proxy = new ProxyFixture(transport, app.port());
        var client = Http2Peer.client(proxy.inbound(ProxyFixture.IDENTITY))) {
      Stream stream =
          client.open("POST", "/", false, "l5d-orig-proto", "HTTP/1.1", "content-length", "10");
      app.request();
      stream.send("12345", true);
      assertThat(stream.nextReset()).isEqualTo(Http2Error.PROTOCOL_ERROR.code());
      assertThat(app.request().start()).hasSizeLessThan(6);
    }
  }

  @Test
  void speaksHttp1ToTheApplicationForRequestsThatWereHttp1() throws Exception {
    try (var app = Http1Application.echoingPaths();
        var proxy = new ProxyFixture(transport, app.port());
        var client = Http2Peer.client(proxy.inbound(ProxyFixture.IDENTITY))) {
      Message response = client.get("/a", "l5d-orig-proto", "HTTP/1.1").rest();
      assertThat(response.status()).isEqualTo(200);
      assertThat(response.body()).isEqualTo("/a");
      assertThat(response.header("l5d-orig-proto")).isEqualTo("HTTP/1.1");
      assertThat(response.header("transfer-encoding")).isNull();
      Http1Client.Message request = app.request();
      assertThat(request.start()).isEqualTo("GET /a HTTP/1.1");
      assertThat(request.header("host")).isEqualTo("web");
      assertThat(request.header("l5d-orig-proto")).isNull();
      client.get("/b", "l5d-orig-proto", "HTTP/1.1; absolute-form").rest();
      assertThat(app.request().start()).isEqualTo("GET http://web/b HTTP/1.1");
      Stream post = client.open("POST", "/c", false, "l5d-orig-proto", "HTTP/1.1");
      post.send("some", false).send("thing", true);
      post.rest();
      Http1Client.Message chunked = app.request();
      assertThat(chunked.header("transfer-encoding")).isEqualTo("chunked");
      assertThat(chunked.body()).isEqualTo("something");
    }
  }

  @Test
  void onlyMeshProxiesMayAskForHttp1() throws Exception {
    try (var app = Http2Peer.echoingPaths();
        var proxy = new ProxyFixture(transport, app.port());
        var client = Http2Peer.client(proxy.inbound(null))) {
      assertThat(client.get("/a", "l5d-orig-proto", "HTTP/1.1").rest().body()).isEqualTo("/a");
      assertThat(app.accepted().head().get("l5d-orig-proto")).isNull();
    }
  }

  @Test
  void http1CrossesTheMeshAsHttp2() throws Exception {
    try (var peer =
            Http2Peer.application(
                (stream, application) ->
                    stream
                        .respond("200", "l5d-orig-proto", "HTTP/1.1", "l5d-proxy-error", "x")
                        .send(stream.rest().body() + ".", true));
        var proxy = new ProxyFixture(transport, 1);
        var client = new Http1Client(proxy.outbound(Hint.HTTP2, true, peer.port()))) {
      client.send(
          "POST /a HTTP/1.1\r\nhost: web\r\nl5d-orig-proto: HTTP/1.0\r\n"
              + "transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
      Http1Client.Message response = client.response();
      assertThat(response.body()).isEqualTo("abc.");
      assertThat(response.header("l5d-orig-proto")).isNull();
      assertThat(response.header("l5d-proxy-error")).isNull();
      Http2Headers crossed = peer.accepted().head();
      assertThat(crossed.getAll("l5d-orig-proto")).hasToString("[HTTP/1.1]");
      assertThat(crossed.contains("transfer-encoding")).isFalse();
      client.send("GET http://other/b HTTP/1.1\r\nhost: other\r\n\r\n").response();
      Http2Headers absolute = peer.accepted().head();
      assertThat(absolute.get("l5d-orig-proto")).hasToString("HTTP/1.1; absolute-form");
      assertThat(absolute.authority()).hasToString("other");
      client.send("GET /c HTTP/1.0\r\nconnection: keep-alive\r\n\r\n");
      assertThat(client.line()).isEqualTo("HTTP/1.1 200 OK");
      Http2Headers old = peer.accepted().head();
      assertThat(old.get("l5d-orig-proto")).hasToString("HTTP/1.0");
      assertThat(old.authority()).hasToString("web.shop.svc.cluster.local:8080");
      assertThat(proxy.sessions).containsOnly(Connector.Session.HTTP2);
    }
  }

  @Test
  void aTruncatedHttp1ResponseIsAResetAcrossTheMeshAndACutBehindIt() throws Exception {
    try (var app =
            new Http1Application(
                (connection, application) -> {
                  String path = connection.request().path();
                  connection.send(
                      path.equals("/length")
                          ? "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\npart"
                          : "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\npart\r\n");
                });
        var proxy = new ProxyFixture(transport, app.port());
        var client = Http2Peer.client(proxy.inbound(ProxyFixture.IDENTITY))) {
      for (String path : List.of("/length", "/chunked")) {
        Stream stream = client.get(path, "l5d-orig-proto", "HTTP/1.1");
        assertThat(stream.nextHead().status()).hasToString("200");
        assertThat(stream.nextReset()).isEqualTo(Http2Error.INTERNAL_ERROR.code());
        try (var plain = new Http1Client(proxy.pair())) {
          plain.send("GET " + path + " HTTP/1.1\r\nhost: web\r\n\r\n");
          assertThat(plain.line()).isEqualTo("HTTP/1.1 200 OK");
          assertThat(plain.restOfCut()).doesNotContain("\r\n0\r\n");
        }
        try (var plain = new Http1Client(proxy.pair())) {
          plain.send("GET " + path + " HTTP/1.0\r\nhost: web\r\n\r\n");
          assertThat(plain.line()).isEqualTo("HTTP/1.1 200 OK");
          assertThat(plain.endedByReset()).isTrue();
        }
      }
    }
  }

  @Test
  void aConnectionThatDiesWithAnIdempotentRequestIsReplaced() throws Exception {
    AtomicInteger attempts = new AtomicInteger();
    try (var app =
            Http2Peer.application(
                (stream, application) -> {
                  if (attempts.incrementAndGet() == 1) {
                    stream.connection().close();
                  } else {
                    stream.respond(true, "200");
                  }
                });
        var proxy = new ProxyFixture(transport, app.port());
        var client = Http2Peer.client(proxy.inbound(null))) {
      assertThat(client.get("/").rest().status()).isEqualTo(200);
      attempts.set(0);
      assertThat(client.open("POST", "/", true).rest().status()).isEqualTo(502);
    }
  }

  @Test
  void opensAnotherConnectionWhenThePeerTakesFewStreams() throws Exception {
    CountDownLatch all = new CountDownLatch(6);
    try (var app =
            Http2Peer.application(
                (stream, application) -> {
                  all.countDown();
                  all.await();
                  stream.respond(true, "200");
                },
                Http2Settings.defaultSettings().maxConcurrentStreams(2));
        var proxy = new ProxyFixture(transport, app.port());
        var client = Http2Peer.client(proxy.inbound(null))) {
      List<Stream> streams = new java.util.ArrayList<>();
      for (int i = 0; i < 6; i++) {
        streams.add(client.get("/" + i));
      }
      for (Stream stream : streams) {
        assertThat(stream.rest().status()).isEqualTo(200);
      }
      assertThat(app.connections).hasSizeGreaterThanOrEqualTo(3);
    }
  }

  @Test
  void releasesEveryLease() throws Exception {
    try (var app = Http2Peer.echoingPaths();
        var proxy = new ProxyFixture(transport, app.port());
        var client = Http2Peer.client(proxy.pair())) {
      proxy.policy.set(ALLOW);
      for (int i = 0; i < 5; i++) {
        client.get("/" + i).rest();
      }
      await("leases are released", () -> proxy.leases.get() == 0);
    }
  }
}

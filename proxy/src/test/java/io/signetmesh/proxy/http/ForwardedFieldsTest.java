package io.signetmesh.proxy.http;

import static io.signetmesh.proxy.http.PolicyMessages.anybody;
import static io.signetmesh.proxy.http.PolicyMessages.prefix;
import static io.signetmesh.proxy.http.PolicyMessages.server;
import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import io.linkerd.proxy.inbound.ProxyProtocol;
import io.netty.handler.codec.http2.DefaultHttp2Headers;
import io.netty.handler.codec.http2.Http2Headers;
import io.signetmesh.proxy.authorize.compile.PolicyCompiler;
import io.signetmesh.proxy.http.Http2Peer.Event;
import io.signetmesh.proxy.http.Http2Peer.Stream;
import io.signetmesh.proxy.loop.IoTransport;
import io.signetmesh.proxy.upstream.Endpoint.Hint;
import java.util.List;
import java.util.Map;
import java.util.stream.StreamSupport;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Which fields cross the proxy, in heads and in trailers, and in which form. */
@Timeout(60)
class ForwardedFieldsTest {
  private static final IoTransport TRANSPORT = IoTransport.select(null);

  /** Fields that decide about a message, by what they do to it (RFC 9110 6.5.1). */
  private static final List<String> FORBIDDEN =
      List.of(
          "host",
          "content-length",
          "cookie",
          "set-cookie",
          "authorization",
          "proxy-authorization",
          "content-type",
          "content-encoding",
          "content-range",
          "range",
          "if-none-match",
          "cache-control",
          "max-forwards",
          "expect",
          "location",
          "vary",
          "www-authenticate",
          "x-forwarded-for",
          "x_forwarded_for",
          "forwarded",
          "trailer",
          "accept-encoding",
          "l5d-client-id",
          "l5d.client.id",
          "l5d_client-id",
          "l5d-server-id",
          "l5d-proxy-error",
          "content_length",
          "grpc-timeout");

  private static final List<String> ALLOWED =
      List.of(
          "grpc-status",
          "grpc-message",
          "grpc-status-details-bin",
          "server-timing",
          "content-digest",
          "repr-digest",
          "etag",
          "x-checksum");

  private static String[] fields(List<String> names) {
    return names.stream()
        .flatMap(name -> java.util.stream.Stream.of(name, "1"))
        .toArray(String[]::new);
  }

  private static List<String> names(@Nullable Http2Headers headers) {
    return StreamSupport.stream(requireNonNull(headers).spliterator(), false)
        .map(Map.Entry::getKey)
        .map(CharSequence::toString)
        .sorted()
        .toList();
  }

  private static List<String> names(List<String> fields) {
    return fields.stream().map(field -> field.substring(0, field.indexOf(':'))).sorted().toList();
  }

  private static List<String> sorted(List<String> names) {
    return names.stream().sorted().toList();
  }

  private static List<String> all() {
    return java.util.stream.Stream.concat(FORBIDDEN.stream(), ALLOWED.stream()).toList();
  }

  private static ProxyProtocol http1() {
    return ProxyProtocol.newBuilder()
        .setHttp1(ProxyProtocol.Http1.newBuilder().addRoutes(prefix("all", "/", anybody("all"))))
        .build();
  }

  private static ProxyFixture before(Http1Application app) throws Exception {
    ProxyFixture proxy = new ProxyFixture(TRANSPORT, app.port());
    proxy.policy.set(new PolicyCompiler(false, () -> 0L).compile(server(http1()).build()));
    return proxy;
  }

  // ---- trailers

  @Test
  void trailersOfHttp2RequestsNeverDecideAnythingAtAnHttp1Application() throws Exception {
    try (var app = Http1Application.echoingPaths();
        var proxy = before(app);
        var client = Http2Peer.client(proxy.inbound(ProxyFixture.IDENTITY))) {
      for (String form : List.of("HTTP/1.1", "")) {
        Stream stream =
            form.isEmpty()
                ? client.open("POST", "/", false)
                : client.open("POST", "/", false, "l5d-orig-proto", form);
        stream.send("a", false).trailers(fields(all()));
        assertThat(stream.rest().status()).isEqualTo(200);
        Http1Client.Message request = app.request();
        assertThat(request.body()).isEqualTo("a");
        assertThat(names(request.trailers())).isEqualTo(sorted(ALLOWED));
      }
    }
  }

  @Test
  void trailersAreHeldToTheSameRulesInBothDirectionsOfHttp2() throws Exception {
    try (var app =
            Http2Peer.application(
                (stream, application) -> {
                  Http2Peer.Message request = stream.rest();
                  stream.respond("200").send("b", false).trailers(fields(all()));
                  assertThat(names(request.trailers())).isEqualTo(sorted(ALLOWED));
                });
        var proxy = new ProxyFixture(TRANSPORT, app.port())) {
      for (int port :
          List.of(
              proxy.inbound(ProxyFixture.IDENTITY),
              proxy.outbound(Hint.HTTP2, true, app.port()),
              proxy.pair())) {
        try (var client = Http2Peer.client(port)) {
          Stream stream = client.open("POST", "/", false);
          stream.send("a", false).trailers(fields(all()));
          Http2Peer.Message response = stream.rest();
          assertThat(response.body()).isEqualTo("b");
          assertThat(names(response.trailers())).isEqualTo(sorted(ALLOWED));
        }
      }
    }
  }

  @Test
  void trailersAreHeldToTheSameRulesInBothDirectionsOfHttp1() throws Exception {
    StringBuilder trailers = new StringBuilder("1\r\na\r\n0\r\n");
    all().forEach(name -> trailers.append(name).append(": 1\r\n"));
    trailers.append("\r\n");
    try (var app =
            Http1Application.answering(
                request -> "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + trailers);
        var proxy = new ProxyFixture(TRANSPORT, app.port())) {
      for (int port :
          List.of(
              proxy.inbound(null), proxy.outbound(Hint.UNKNOWN, false, app.port()), proxy.pair())) {
        try (var client = new Http1Client(port)) {
          client.send(
              "POST / HTTP/1.1\r\nhost: w\r\ntransfer-encoding: chunked\r\n\r\n" + trailers);
          Http1Client.Message response = client.response();
          assertThat(response.body()).isEqualTo("a");
          assertThat(names(response.trailers())).isEqualTo(sorted(ALLOWED));
          assertThat(names(app.request().trailers())).isEqualTo(sorted(ALLOWED));
        }
      }
    }
  }

  @Test
  void aMessageWhoseTrailersAllGoEndsAllTheSame() throws Exception {
    try (var app =
            Http2Peer.application(
                (stream, application) -> {
                  assertThat(stream.rest().trailers()).isNull();
                  stream.respond("200").send("b", false).trailers("host", "x");
                });
        var proxy = new ProxyFixture(TRANSPORT, app.port());
        var client = Http2Peer.client(proxy.inbound(null))) {
      Stream stream = client.open("POST", "/", false);
      stream.send("a", false).trailers("cookie", "x");
      Http2Peer.Message response = stream.rest();
      assertThat(response.body()).isEqualTo("b");
      assertThat(response.trailers()).isNull();
    }
  }

  // ---- headers of the mesh

  @ParameterizedTest
  @ValueSource(
      strings = {
        "l5d-client-id",
        "l5d.client.id",
        "l5d_client_id",
        "l5d.client-id",
        "l5d-client_id",
        "L5D-Client.Id",
        "l5d!client~id",
        "l5d-server-id",
        "l5d_server_id",
        "l5d-remote-ip",
        "l5d.remote.ip",
        "l5d-orig-proto",
        "l5d_orig_proto",
        "l5d-dst-canonical",
        "content_length",
        "Transfer.Encoding",
      })
  void whatServersFoldToAHeaderOfTheMeshReachesNoApplication(String name) throws Exception {
    try (var app = Http1Application.echoingPaths();
        var proxy = new ProxyFixture(TRANSPORT, app.port())) {
      for (int port :
          List.of(proxy.inbound(null), proxy.outbound(Hint.UNKNOWN, false, app.port()))) {
        try (var client = new Http1Client(port)) {
          client.send("GET / HTTP/1.1\r\nhost: w\r\nx-other: y\r\n" + name + ": forged\r\n\r\n");
          assertThat(client.response().status()).isEqualTo(200);
          assertThat(app.request().headers()).containsExactly("host: w", "x-other: y");
        }
      }
      try (var client = Http2Peer.client(proxy.inbound(ProxyFixture.IDENTITY))) {
        client
            .get(
                "/",
                "l5d-orig-proto",
                "HTTP/1.1",
                name.toLowerCase(java.util.Locale.ROOT),
                "HTTP/1.1")
            .rest();
        assertThat(app.request().headers())
            .containsExactlyInAnyOrder("host: web", "l5d-client-id: " + ProxyFixture.IDENTITY);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "l5d-client-id",
        "l5d-server-id",
        "l5d-orig-proto",
        "l5d_proxy_error",
        "l5d.proxy.connection",
        "l5d-remote-ip",
      })
  void anApplicationSetsNoHeaderOfTheMeshInItsAnswer(String name) throws Exception {
    try (var app =
            Http1Application.answering(
                request ->
                    "HTTP/1.1 103 Early Hints\r\n"
                        + name
                        + ": forged\r\nlink: a\r\n\r\nHTTP/1.1 200 OK\r\nx-other: y\r\n"
                        + name
                        + ": forged\r\ncontent-length: 0\r\n\r\n");
        var proxy = new ProxyFixture(TRANSPORT, app.port())) {
      for (int port :
          List.of(
              proxy.inbound(null), proxy.outbound(Hint.UNKNOWN, false, app.port()), proxy.pair())) {
        try (var client = new Http1Client(port)) {
          client.send("GET / HTTP/1.1\r\nhost: w\r\n\r\n");
          assertThat(client.response().headers()).containsExactly("link: a");
          assertThat(client.response().headers())
              .containsExactlyInAnyOrder("x-other: y", "content-length: 0");
        }
      }
    }
  }

  @Test
  void whatThePeersProxySaysEndsAtTheProxyOfTheClient() throws Exception {
    try (var peer =
            Http2Peer.application(
                (stream, application) ->
                    stream.respond(
                        true,
                        "503",
                        "l5d-proxy-error",
                        "x",
                        "l5d-proxy-connection",
                        "close",
                        "l5d-orig-proto",
                        "HTTP/1.1"));
        var proxy = new ProxyFixture(TRANSPORT, 1);
        var client = new Http1Client(proxy.outbound(Hint.HTTP2, true, peer.port()))) {
      client.send("GET / HTTP/1.1\r\nhost: w\r\n\r\n");
      Http1Client.Message response = client.response();
      assertThat(response.status()).isEqualTo(503);
      assertThat(names(response.headers())).noneMatch(name -> name.startsWith("l5d"));
      // The peer's proxy asked for it.
      assertThat(response.header("connection")).isEqualTo("close");
      assertThat(client.ended()).isTrue();
    }
  }

  @ParameterizedTest
  @CsvSource({
    "'GET /a HTTP/1.1|host: Web:80', Web:80",
    "'GET http://other/b HTTP/1.1|host: web', other",
    "GET /c HTTP/1.0, web.shop.svc.cluster.local:8080",
  })
  void http1ThatCrossesAsHttp2CarriesItsHostBesideTheAuthority(String head, String host)
      throws Exception {
    try (var peer =
            Http2Peer.application((stream, application) -> stream.respond(true, "200", "x", "y"));
        var proxy = new ProxyFixture(TRANSPORT, 1);
        var client = new Http1Client(proxy.outbound(Hint.HTTP2, true, peer.port()))) {
      client.send(head.replace("|", "\r\n") + "\r\n\r\n").response();
      Http2Headers crossed = peer.accepted().head();
      assertThat(crossed.authority()).hasToString(host);
      assertThat(crossed.getAll("host")).hasToString("[" + host + "]");
    }
  }

  @Test
  void aProxyTakesRequestsOfOthersWithAndWithoutHost() throws Exception {
    try (var app = Http1Application.echoingPaths();
        var proxy = new ProxyFixture(TRANSPORT, app.port());
        var client = Http2Peer.client(proxy.inbound(ProxyFixture.IDENTITY))) {
      Http2Headers bare = new DefaultHttp2Headers(false).method("GET").scheme("http").path("/");
      for (Http2Headers head :
          List.of(
              new DefaultHttp2Headers(false).setAll(bare).authority("web"),
              new DefaultHttp2Headers(false).setAll(bare).authority("web").add("host", "web"),
              new DefaultHttp2Headers(false).setAll(bare).add("host", "web"))) {
        assertThat(client.open(head.add("l5d-orig-proto", "HTTP/1.1"), true).rest().status())
            .isEqualTo(200);
        assertThat(app.request().headers())
            .containsExactlyInAnyOrder("host: web", "l5d-client-id: " + ProxyFixture.IDENTITY);
      }
    }
  }

  // ---- forms

  @Test
  void lengthsAreWrittenAnew() throws Exception {
    try (var app =
            Http1Application.answering(
                request -> "HTTP/1.1 200 OK\r\ncontent-length: 0003\r\n\r\nabc");
        var proxy = new ProxyFixture(TRANSPORT, app.port())) {
      for (int port : List.of(proxy.inbound(null), proxy.pair())) {
        try (var client = new Http1Client(port)) {
          client.send("POST / HTTP/1.1\r\nhost: w\r\ncontent-length: 05\r\n\r\nabcde");
          Http1Client.Message response = client.response();
          assertThat(response.header("content-length")).isEqualTo("3");
          assertThat(response.body()).isEqualTo("abc");
          assertThat(app.request().header("content-length")).isEqualTo("5");
          client.send("POST / HTTP/1.1\r\nhost: w\r\ncontent-length: 00\r\n\r\n").response();
          assertThat(app.request().header("content-length")).isEqualTo("0");
        }
      }
      try (var client = Http2Peer.client(proxy.inbound(ProxyFixture.IDENTITY))) {
        client
            .open("POST", "/", false, "l5d-orig-proto", "HTTP/1.1", "content-length", "05")
            .send("abcde", true)
            .rest();
        assertThat(app.request().header("content-length")).isEqualTo("5");
      }
    }
  }

  @Test
  void whatAServerSaysOfItsApplicationHoldsForHttp2Clients() throws Exception {
    try (var app = Http1Application.echoingPaths();
        var proxy = before(app);
        var client = Http2Peer.client(proxy.inbound(ProxyFixture.IDENTITY))) {
      Http2Peer.Message response = client.get("/a", "x-b", "c").rest();
      assertThat(response.status()).isEqualTo(200);
      assertThat(response.body()).isEqualTo("/a");
      assertThat(response.header("l5d-orig-proto")).isNull();
      Http1Client.Message request = app.request();
      assertThat(request.start()).isEqualTo("GET /a HTTP/1.1");
      assertThat(request.headers())
          .contains("host: web", "x-b: c", "l5d-client-id: " + ProxyFixture.IDENTITY);
    }
  }

  @Test
  void aProtocolIsForConnectAlone() throws Exception {
    try (var app = Http2Peer.echoingPaths();
        var proxy = new ProxyFixture(TRANSPORT, app.port());
        var client = Http2Peer.client(proxy.inbound(null))) {
      Http2Headers head =
          new DefaultHttp2Headers(false).method("GET").scheme("http").authority("web").path("/");
      head.add(":protocol", "websocket");
      assertThat(client.open(head, true).next()).isInstanceOf(Event.Reset.class);
      assertThat(proxy.decisions.getLast().reason()).isEqualTo("protocol-error");
      assertThat(app.accepted).isEmpty();
    }
  }
}

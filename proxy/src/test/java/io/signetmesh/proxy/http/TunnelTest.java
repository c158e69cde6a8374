package io.signetmesh.proxy.http;

import static io.signetmesh.proxy.http.PolicyMessages.anybody;
import static io.signetmesh.proxy.http.PolicyMessages.detect;
import static io.signetmesh.proxy.http.PolicyMessages.identities;
import static io.signetmesh.proxy.http.PolicyMessages.prefix;
import static io.signetmesh.proxy.http.PolicyMessages.server;
import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import io.linkerd.proxy.http_route.HttpRouteMatch;
import io.linkerd.proxy.http_types.HttpMethod;
import io.linkerd.proxy.inbound.HttpRoute;
import io.linkerd.proxy.inbound.Server;
import io.signetmesh.audit.DecisionEvent;
import io.signetmesh.audit.Verdict;
import io.signetmesh.proxy.authorize.compile.PolicyCompiler;
import io.signetmesh.proxy.http.Http1Client.Message;
import io.signetmesh.proxy.loop.IoTransport;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The ways out of HTTP: CONNECT and Upgrade, and what is decided about what follows them. */
@ParameterizedClass
@MethodSource("transports")
@Timeout(60)
class TunnelTest {
  private static final String CONNECT = "CONNECT web:80 HTTP/1.1\r\nhost: web:80\r\n\r\n";
  private static final String WEBSOCKET =
      "GET /chat HTTP/1.1\r\nhost: web\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n";
  private static final String INSIDE =
      "GET /admin HTTP/1.1\r\nhost: web\r\nl5d-client-id: forged\r\n\r\n";

  private final PolicyCompiler compiler = new PolicyCompiler(false, System::nanoTime);
  private final IoTransport transport;

  TunnelTest(IoTransport transport) {
    this.transport = transport;
  }

  static java.util.stream.Stream<IoTransport> transports() {
    return Transports.here();
  }

  private void set(ProxyFixture proxy, Server.Builder message) throws Exception {
    proxy.policy.set(compiler.compile(message.build()));
  }

  private static HttpRoute naming(HttpMethod.Registered method) {
    HttpRoute route = prefix("tunnels", "/", anybody("tunnelers"));
    return route.toBuilder()
        .clearRules()
        .addRules(
            HttpRoute.Rule.newBuilder()
                .addMatches(
                    HttpRouteMatch.newBuilder()
                        .setMethod(HttpMethod.newBuilder().setRegistered(method))))
        .build();
  }

  /** Everything but /admin is open to everybody. */
  private static Server.Builder open(HttpRoute... more) {
    HttpRoute[] all = new HttpRoute[more.length + 2];
    all[0] = prefix("public", "/", anybody("all"));
    all[1] = prefix("admin", "/admin", identities("admins", "nobody"));
    System.arraycopy(more, 0, all, 2, more.length);
    return server(detect(all));
  }

  /** Takes CONNECT for a request like any other, as plain handlers of Go and Python do. */
  private static Http1Application plain() throws Exception {
    return Http1Application.answering(request -> "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
  }

  /** Answers the first request with what is given, and then sends back what comes. */
  private static Http1Application switching(String answer) throws Exception {
    return new Http1Application(
        (connection, application) -> {
          application.requests.add(connection.request());
          connection.send(answer);
          while (true) {
            connection.send(connection.exactly(1));
          }
        });
  }

  private static List<String> verdicts(ProxyFixture proxy) {
    return proxy.decisions.stream().map(event -> event.verdict() + " " + event.reason()).toList();
  }

  static List<Server.Builder> policiesThatDoNotNameConnect() {
    return List.of(
        server(detect()).addAuthorizations(anybody("all")),
        open(),
        open(naming(HttpMethod.Registered.GET)),
        server(detect(naming(HttpMethod.Registered.POST))).addAuthorizations(anybody("all")));
  }

  @ParameterizedTest
  @MethodSource("policiesThatDoNotNameConnect")
  void connectReachesNoApplicationUnlessARouteNamesIt(Server.Builder policy) throws Exception {
    try (var wire = Http1Wire.open(transport, plain())) {
      set(wire.proxy, policy);
      wire.client.send(CONNECT + INSIDE);
      Message response = wire.client.response();
      assertThat(response.status()).isEqualTo(403);
      assertThat(response.header("connection")).isEqualTo("close");
      assertThat(wire.client.ended()).isTrue();
      assertThat(wire.app.requests).isEmpty();
      assertThat(verdicts(wire.proxy)).containsExactly(Verdict.DENY + " tunnel-refused");
      DecisionEvent refused = wire.proxy.decisions.getFirst();
      assertThat(refused.method()).isEqualTo("CONNECT");
      assertThat(refused.detail()).contains("method: CONNECT");
    }
  }

  @Test
  void aTunnelThatARouteGrantsIsOnRecordAsOpaque() throws Exception {
    try (var wire = Http1Wire.open(transport, switching("HTTP/1.1 200 OK\r\n\r\n"))) {
      set(wire.proxy, open(naming(HttpMethod.Registered.CONNECT)));
      wire.client.send(CONNECT);
      assertThat(wire.client.line()).startsWith("HTTP/1.1 200");
      while (!wire.client.line().isEmpty()) {}
      wire.client.send("bytes");
      assertThat(new String(wire.client.exactly(5), ISO_8859_1)).isEqualTo("bytes");
      assertThat(verdicts(wire.proxy))
          .containsExactly(Verdict.ALLOW + " authorized", Verdict.ALLOW + " tunnel");
      DecisionEvent tunnel = wire.proxy.decisions.getLast();
      assertThat(tunnel.detail()).isEqualTo("CONNECT");
      assertThat(tunnel.authorization()).contains("tunnelers");
      assertThat(wire.proxy.scrape())
          .containsPattern("signet_inbound_http_tunnels_total\\{[^}]*srv_name=\"web\"[^}]*} 1");
    }
  }

  @Test
  void aTunnelEndsWhenItsRouteNamesConnectNoMore() throws Exception {
    try (var wire = Http1Wire.open(transport, switching("HTTP/1.1 200 OK\r\n\r\n"))) {
      set(wire.proxy, open(naming(HttpMethod.Registered.CONNECT)));
      wire.client.send(CONNECT);
      while (!wire.client.line().isEmpty()) {}
      wire.client.send("bytes").exactly(5);
      set(wire.proxy, open());
      assertThat(wire.client.endedByReset()).isTrue();
      assertThat(verdicts(wire.proxy)).last().isEqualTo(Verdict.DENY + " tunnel-refused");
    }
  }

  @Test
  void whatFollowsAConnectThatTheApplicationDeclinesIsNoRequest() throws Exception {
    try (var wire =
        Http1Wire.open(
            transport,
            Http1Application.answering(
                request -> "HTTP/1.1 405 No\r\ncontent-length: 2\r\n\r\nno"))) {
      set(wire.proxy, open(naming(HttpMethod.Registered.CONNECT)));
      wire.client.send(CONNECT + "GET /a HTTP/1.1\r\nhost: web\r\n\r\n");
      Message response = wire.client.response();
      assertThat(response.status()).isEqualTo(405);
      assertThat(response.body()).isEqualTo("no");
      assertThat(wire.client.ended()).isTrue();
      assertThat(wire.app.requests).hasSize(1);
      assertThat(wire.app.request().headers())
          .noneMatch(field -> field.startsWith("content-length") || field.startsWith("transfer"));
      assertThat(verdicts(wire.proxy)).containsExactly(Verdict.ALLOW + " authorized");
    }
  }

  @Test
  void aWebSocketIsDecidedAsARequestAndOnRecordAsOpaque() throws Exception {
    try (var app =
            switching(
                "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\n"
                    + "upgrade: websocket\r\n\r\n");
        var proxy = new ProxyFixture(transport, app.port())) {
      int port = proxy.inbound(null);
      set(proxy, open());
      try (var client = new Http1Client(port);
          var denied = new Http1Client(port)) {
        client.send(WEBSOCKET);
        assertThat(client.response().header("upgrade")).isEqualTo("websocket");
        client.send("frame");
        assertThat(new String(client.exactly(5), ISO_8859_1)).isEqualTo("frame");
        assertThat(verdicts(proxy))
            .containsExactly(Verdict.ALLOW + " authorized", Verdict.ALLOW + " tunnel");
        assertThat(proxy.decisions.getLast().detail()).isEqualTo("upgrade to websocket");
        assertThat(proxy.decisions.getLast().path()).isEqualTo("/chat");

        denied.send(WEBSOCKET.replace("/chat", "/admin"));
        assertThat(denied.response().status()).isEqualTo(403);
      }
    }
  }

  /** Bytes behind the head belong to the new protocol, or are requests: until then they wait. */
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void whatFollowsAnUpgradeWaitsForTheAnswer(boolean accepted) throws Exception {
    CountDownLatch looked = new CountDownLatch(1);
    try (var wire =
        Http1Wire.open(
            transport,
            new Http1Application(
                (connection, application) -> {
                  application.requests.add(connection.request());
                  looked.await();
                  assertThat(connection.available()).isZero();
                  if (accepted) {
                    connection.send("HTTP/1.1 101 Switching\r\nupgrade: websocket\r\n\r\n");
                    connection.send(connection.exactly(INSIDE.length()));
                  } else {
                    connection.send("HTTP/1.1 426 Old\r\ncontent-length: 0\r\n\r\n");
                  }
                  connection.ended();
                }))) {
      set(wire.proxy, open());
      wire.client.send(WEBSOCKET + INSIDE);
      wire.app.request();
      looked.countDown();
      assertThat(wire.client.response().status()).isEqualTo(accepted ? 101 : 426);
      if (accepted) {
        assertThat(new String(wire.client.exactly(INSIDE.length()), ISO_8859_1)).isEqualTo(INSIDE);
      } else {
        assertThat(wire.client.response().status()).isEqualTo(403);
        assertThat(verdicts(wire.proxy)).last().isEqualTo(Verdict.DENY + " tls-required");
      }
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "h2c",
        "HTTP/2.0",
        "http/1.1",
        "TLS/1.0",
        "websocket, h2c",
        "websocket, TLS/1.2",
        "a b",
      })
  void anUpgradeToWhatCarriesRequestsIsNotOffered(String upgrade) throws Exception {
    try (var wire =
        Http1Wire.open(
            transport,
            Http1Application.answering(
                request ->
                    request.path().equals("/forced")
                        ? "HTTP/1.1 101 Switching\r\nupgrade: " + upgrade + "\r\n\r\n"
                        : "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"))) {
      String request =
          "GET %s HTTP/1.1\r\nhost: web\r\nconnection: Upgrade\r\nupgrade: " + upgrade + "\r\n\r\n";
      assertThat(wire.client.send(request.formatted("/")).response().status()).isEqualTo(200);
      assertThat(wire.app.request().headers())
          .noneMatch(field -> field.startsWith("upgrade") || field.startsWith("connection"));
      assertThat(wire.client.send(request.formatted("/forced")).response().status()).isEqualTo(502);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"upgrade: ssh", "upgrade: websocket, ssh", "upgrade: ssh\r\nupgrade: websocket"})
  void aSwitchToAProtocolThatWasNotOfferedIsAnError(String upgrade) throws Exception {
    try (var wire =
        Http1Wire.open(transport, switching("HTTP/1.1 101 Switching\r\n" + upgrade + "\r\n\r\n"))) {
      assertThat(wire.client.send(WEBSOCKET).response().status()).isEqualTo(502);
      assertThat(verdicts(wire.proxy)).doesNotContain(Verdict.ALLOW + " tunnel");
    }
  }

  @Test
  void theUpgradeOfARequestWithABodyIsNotOffered() throws Exception {
    try (var wire =
        Http1Wire.open(
            transport, switching("HTTP/1.1 101 Switching\r\nupgrade: websocket\r\n\r\n"))) {
      wire.client.send(WEBSOCKET.replace("\r\n\r\n", "\r\ncontent-length: 2\r\n\r\nhi"));
      assertThat(wire.client.response().status()).isEqualTo(502);
      assertThat(wire.app.request().header("upgrade")).isNull();
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void connectOverHttp2ReachesNoApplication(boolean extended) throws Exception {
    try (var app = Http2Peer.echoingPaths();
        var proxy = new ProxyFixture(transport, app.port());
        var client = Http2Peer.client(proxy.inbound(ProxyFixture.IDENTITY))) {
      set(proxy, open(naming(HttpMethod.Registered.CONNECT)));
      Http2Peer.Stream stream =
          extended
              ? client.open("CONNECT", "/chat", false, ":protocol", "websocket")
              : client.open("CONNECT", "/", false, "l5d-orig-proto", "HTTP/1.1");
      assertThat(stream.next()).isInstanceOf(Http2Peer.Event.Reset.class);
      assertThat(app.connections).isEmpty();
      assertThat(verdicts(proxy)).containsExactly(Verdict.DENY + " protocol-error");
      assertThat(proxy.decisions.getFirst().detail()).isEqualTo("CONNECT over HTTP/2");
    }
  }
}

package io.signetmesh.proxy.http;

import static io.signetmesh.proxy.http.PolicyMessages.anybody;
import static io.signetmesh.proxy.http.PolicyMessages.audit;
import static io.signetmesh.proxy.http.PolicyMessages.detect;
import static io.signetmesh.proxy.http.PolicyMessages.exact;
import static io.signetmesh.proxy.http.PolicyMessages.grpc;
import static io.signetmesh.proxy.http.PolicyMessages.grpcService;
import static io.signetmesh.proxy.http.PolicyMessages.host;
import static io.signetmesh.proxy.http.PolicyMessages.identities;
import static io.signetmesh.proxy.http.PolicyMessages.limited;
import static io.signetmesh.proxy.http.PolicyMessages.prefix;
import static io.signetmesh.proxy.http.PolicyMessages.rate;
import static io.signetmesh.proxy.http.PolicyMessages.server;
import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.linkerd.proxy.http_route.HeaderMatch;
import io.linkerd.proxy.http_route.HttpRouteMatch;
import io.linkerd.proxy.http_route.PathMatch;
import io.linkerd.proxy.http_route.PathModifier;
import io.linkerd.proxy.http_route.RequestHeaderModifier;
import io.linkerd.proxy.http_route.RequestRedirect;
import io.linkerd.proxy.http_types.Headers;
import io.linkerd.proxy.http_types.HttpMethod;
import io.linkerd.proxy.inbound.HttpLocalRateLimit;
import io.linkerd.proxy.inbound.HttpRoute;
import io.linkerd.proxy.inbound.Identity;
import io.linkerd.proxy.inbound.Server;
import io.netty.handler.codec.http2.DefaultHttp2Headers;
import io.signetmesh.audit.DecisionEvent;
import io.signetmesh.audit.DecisionMode;
import io.signetmesh.audit.TrialVerdict;
import io.signetmesh.audit.Verdict;
import io.signetmesh.proxy.authorize.compile.PolicyCompiler;
import io.signetmesh.proxy.http.Http2Peer.Message;
import io.signetmesh.proxy.loop.IoTransport;
import java.io.IOException;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Requests under policy that came as the controller's message. */
@Timeout(60)
class InboundPolicyTest {
  private static final String IDENTITY = ProxyFixture.IDENTITY;
  private static final String OTHER = "other.shop.serviceaccount.identity.signet.cluster.local";

  private final AtomicLong nanos = new AtomicLong();
  private final PolicyCompiler compiler = new PolicyCompiler(false, nanos::get);
  private Http1Application app;
  private ProxyFixture proxy;
  private Http1Client client;

  @BeforeEach
  void start() throws Exception {
    app = Http1Application.echoingPaths();
    proxy = new ProxyFixture(IoTransport.select(null), app.port());
    client = new Http1Client(proxy.inbound(null));
  }

  @AfterEach
  void stop() throws Exception {
    client.close();
    proxy.close();
    app.close();
  }

  private void set(Server.Builder message) throws Exception {
    proxy.policy.set(compiler.compile(message.build()));
  }

  /** Everything is open but what is below /admin. */
  private static Server.Builder administered() {
    return server(
        detect(
            prefix("public", "/", anybody("all")),
            prefix("admin", "/admin", identities("admins", OTHER))));
  }

  private Http1Client.Message get(String target) throws IOException {
    return get(client, target, "web");
  }

  private static Http1Client.Message get(Http1Client client, String target, String host)
      throws IOException {
    return client.send("GET " + target + " HTTP/1.1\r\nhost: " + host + "\r\n\r\n").response();
  }

  private DecisionEvent last() {
    return proxy.decisions.getLast();
  }

  // ---- paths

  @ParameterizedTest
  @CsvSource({
    "//admin, /admin",
    "/./admin, /admin",
    "/x/../admin/y, /admin/y",
    "/x/%2e%2e/admin, /admin",
    "/%61dmin?a=/../b, /admin",
    "/x/.%2E//admin/, /admin/",
  })
  void aTrickLeadsToTheRouteOfThePathThatItMeans(String target, String recorded) throws Exception {
    set(administered());
    assertThat(get(target).status()).isEqualTo(403);
    assertThat(last().path()).isEqualTo(recorded);
    assertThat(last().authorization()).contains("admins");
    assertThat(app.requests).isEmpty();
  }

  @ParameterizedTest
  @CsvSource({
    "//a//b?x=//../%2f, /a/b?x=//../%2f",
    "/admin/../a, /a",
    "/%61%3a, /a%3A",
    "/a, /a",
    "/a;v=1, /a;v=1",
  })
  void theApplicationGetsTheNormalForm(String target, String forwarded) throws Exception {
    set(administered());
    assertThat(get(target).body()).isEqualTo(forwarded);
    assertThat(last().verdict()).isEqualTo(Verdict.ALLOW);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "/%2fadmin",
        "/a%5cadmin",
        "/a\\..\\admin",
        "/%00/admin",
        "/%c0%afadmin",
        "/%c0%ae%c0%ae/admin",
        "/../admin",
        "/x/..;v=1/admin",
        "/admin;v=1",
        "/%zz",
        "/a%"
      })
  void whatHasTwoReadingsIsRefusedAndOnRecord(String target) throws Exception {
    set(administered());
    assertThat(get(target).status()).isEqualTo(400);
    assertThat(last().verdict()).isEqualTo(Verdict.DENY);
    assertThat(last().reason()).isEqualTo("unsafe-path");
    assertThat(last().path()).isEqualTo(target.replace(";v=1", ";"));
    assertThat(last().detail()).isNotEmpty();
    assertThat(last().server()).isEqualTo("policy.linkerd.io/server/web");
    assertThat(app.requests).isEmpty();
    // The connection is good for more.
    assertThat(get("/a").status()).isEqualTo(200);
    assertThat(proxy.scrape())
        .containsPattern("signet_inbound_http_unsafe_path_total\\{[^}]*srv_name=\"web\"[^}]*} 1");
  }

  @ParameterizedTest
  @ValueSource(strings = {"/a#b", "/a\u0000b", "/a\u0001", "/\u007f", "http://web/#", "/?q#"})
  void whatIsNoTargetIsRefusedOnAnyPortAndOnRecord(String target) throws Exception {
    set(server(detect()).addAuthorizations(anybody("all")));
    assertThat(get(target).status()).isEqualTo(400);
    assertThat(last().reason()).isEqualTo("unsafe-path");
    assertThat(app.requests).isEmpty();
    assertThat(client.ended()).isTrue();
    try (var outbound = new Http1Client(proxy.pair())) {
      assertThat(get(outbound, target, "web").status()).isEqualTo(400);
      assertThat(app.requests).isEmpty();
    }
    if (target.startsWith("/") && target.contains("#")) {
      try (var peer = Http2Peer.client(proxy.inbound(null))) {
        assertThat(peer.get(target).rest().status()).isEqualTo(400);
        assertThat(last().reason()).isEqualTo("unsafe-path");
      }
    }
  }

  @Test
  void theRecordOfARefusedPathIsBounded() throws Exception {
    set(administered());
    assertThat(get("/%2f" + "a".repeat(7_000)).status()).isEqualTo(400);
    assertThat(last().path()).hasSize(2_049).startsWith("/%2fa").endsWith("…");
  }

  @Test
  void whereRoutesMatchNoPathsThePathGoesUnchanged() throws Exception {
    set(server(detect()).addAuthorizations(anybody("all")));
    for (String target :
        new String[] {"/projects/a%2Fb", "//a/../b", "/a\\b", "/%c0%af", "/a/..;"}) {
      assertThat(get(target).body()).isEqualTo(target);
      assertThat(last().path()).isEqualTo(target);
    }
  }

  @Test
  void bothVersionsAndTheFormBetweenProxiesSeeTheSame() throws Exception {
    set(administered());
    try (var http2app = Http2Peer.echoingPaths();
        var http2 = new ProxyFixture(IoTransport.select(null), http2app.port());
        var peer = Http2Peer.client(http2.inbound(null))) {
      http2.policy.set(compiler.compile(administered().build()));
      assertThat(peer.get("//a/../b").rest().body()).isEqualTo("/b");
      assertThat(peer.get("/x/..//admin").rest().status()).isEqualTo(403);
      assertThat(peer.get("/%2e%2E/admin").rest().status()).isEqualTo(400);
      assertThat(http2.decisions.getLast().reason()).isEqualTo("unsafe-path");
      Message rpc =
          peer.open("POST", "/a%2fadmin", true, "content-type", "application/grpc").rest();
      assertThat(rpc.status()).isEqualTo(200);
      assertThat(rpc.header("grpc-status")).isEqualTo("3");
    }
    try (var meshed = new Http1Client(proxy.pair())) {
      assertThat(get(meshed, "//a/./b", "web").body()).isEqualTo("/a/b");
      assertThat(get(meshed, "/x/../admin", "web").status()).isEqualTo(403);
      Http1Client.Message refused = get(meshed, "/a%2Fadmin", "web");
      assertThat(refused.status()).isEqualTo(400);
      assertThat(refused.header("l5d-proxy-error")).isNull();
    }
    try (var peer = Http2Peer.client(proxy.inbound(IDENTITY))) {
      Message told = peer.get("/a%2Fadmin", "l5d-orig-proto", "HTTP/1.1").rest();
      assertThat(told.status()).isEqualTo(400);
      assertThat(told.header("l5d-proxy-error")).isEqualTo("unsafe path");
    }
  }

  @Test
  void absoluteFormIsJudgedAndForwardedByItsOwnPathAndAuthority() throws Exception {
    set(
        server(
            detect(
                prefix("public", "/", anybody("all")),
                prefix("admin", "/admin", identities("admins", OTHER)),
                host("inner", "inner.shop", identities("admins", OTHER)))));
    assertThat(get(client, "http://web/x/../admin", "web").status()).isEqualTo(403);
    // The authority of the target counts, for the decision and for the application.
    assertThat(get(client, "http://inner.shop/a", "web").status()).isEqualTo(403);
    Http1Client.Message answer = get(client, "HTTP://Web.shop:80//a?b", "inner.shop");
    assertThat(answer.status()).isEqualTo(200);
    Http1Client.Message received = app.request();
    assertThat(received.path()).isEqualTo("http://Web.shop:80/a?b");
    assertThat(received.header("host")).isEqualTo("Web.shop:80");
    assertThat(last().path()).isEqualTo("/a");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"inner.shop", "INNER.Shop", "inner.shop:8080", "Inner.Shop.:80", "inner.shop."})
  void aHostIsTheSameHoweverItIsWritten(String host) throws Exception {
    set(
        server(
            detect(
                prefix("public", "/", anybody("all")),
                host("inner", "inner.shop", identities("admins", OTHER)))));
    assertThat(get(client, "/a", host).status()).isEqualTo(403);
    assertThat(get(client, "/a", "outer.shop").status()).isEqualTo(200);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "inner.shop:80:80",
        "inner%2Eshop",
        "inner.shop:x",
        "inner.shop..",
        ".inner.shop",
        "a..b",
        "x@inner.shop",
        ":80",
        "a]b",
        "[::1]x"
      })
  void aHostThatReadersSplitDifferentlyIsMalformed(String host) throws Exception {
    set(administered());
    client.send("GET / HTTP/1.1\r\nhost: " + host + "\r\n\r\n");
    assertThat(client.response().status()).isEqualTo(400);
    assertThat(app.requests).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(strings = {"[::1]:80", "[fd00::1]", "web_1.shop:", "10.0.0.1:8080"})
  void hostsOfAllKindsPass(String host) throws Exception {
    set(administered());
    assertThat(get(client, "/", host).status()).isEqualTo(200);
    assertThat(app.request().header("host")).isEqualTo(host);
  }

  @Test
  void optionsOfTheWholeServerAreLeftAlone() throws Exception {
    set(administered());
    client.send("OPTIONS * HTTP/1.1\r\nhost: web\r\n\r\n");
    assertThat(client.response().status()).isNotEqualTo(400);
    assertThat(last().reason()).isNotEqualTo("unsafe-path");
  }

  @Test
  void aRedirectOfAPrefixCountsInTheNormalPath() throws Exception {
    HttpRoute old =
        HttpRoute.newBuilder()
            .setMetadata(prefix("old", "/old").getMetadata())
            .addAuthorizations(anybody("all"))
            .addRules(
                HttpRoute.Rule.newBuilder()
                    .addMatches(
                        HttpRouteMatch.newBuilder()
                            .setPath(PathMatch.newBuilder().setPrefix("/old")))
                    .addFilters(
                        HttpRoute.Filter.newBuilder()
                            .setRedirect(
                                RequestRedirect.newBuilder()
                                    .setPath(PathModifier.newBuilder().setPrefix("/new"))
                                    .setStatus(308))))
            .build();
    set(server(limited(HttpLocalRateLimit.newBuilder().setTotal(rate(1)).build(), old)));
    for (int i = 0; i < 3; i++) {
      // What the proxy answers itself takes nothing from the limit.
      Http1Client.Message answer = get("//x/..//old/./a?q=//");
      assertThat(answer.status()).isEqualTo(308);
      assertThat(answer.header("location")).isEqualTo("http://web/new/a?q=//");
    }
  }

  @Test
  void aRequestUnderWayIsJudgedByItsNormalPathWhenPolicyChanges() throws Exception {
    java.util.concurrent.CountDownLatch answer = new java.util.concurrent.CountDownLatch(1);
    try (var slow =
            new Http1Application(
                (connection, application) -> {
                  while (true) {
                    application.requests.add(connection.request());
                    answer.await();
                    connection.send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
                  }
                });
        var under = new ProxyFixture(IoTransport.select(null), slow.port());
        var staying = new Http1Client(under.inbound(null));
        var losing = new Http1Client(under.inbound(null));
        var unreadable = new Http1Client(under.inbound(null))) {
      under.policy.set(
          compiler.compile(server(detect()).addAuthorizations(anybody("all")).build()));
      staying.send("GET /admin/../a HTTP/1.1\r\nhost: web\r\n\r\n");
      losing.send("GET /a/../admin HTTP/1.1\r\nhost: web\r\n\r\n");
      unreadable.send("GET /a%2fb HTTP/1.1\r\nhost: web\r\n\r\n");
      for (int i = 0; i < 3; i++) {
        slow.request();
      }
      under.policy.set(compiler.compile(administered().build()));
      assertThat(losing.response().status()).isEqualTo(403);
      assertThat(unreadable.response().status()).isEqualTo(403);
      assertThat(under.decisions.stream().map(DecisionEvent::reason))
          .contains("unsafe-path", "tls-required");
      answer.countDown();
      assertThat(staying.response().status()).isEqualTo(200);
    }
  }

  @Test
  void cookiesThatHttp2SplitsAreMatchedAsTheApplicationGetsThem() throws Exception {
    HttpRoute staff =
        PolicyMessages.route(
                "staff", PathMatch.newBuilder().setPrefix("/").build(), identities("admins", OTHER))
            .setRules(
                0,
                HttpRoute.Rule.newBuilder()
                    .addMatches(
                        HttpRouteMatch.newBuilder()
                            .addHeaders(
                                HeaderMatch.newBuilder()
                                    .setName("cookie")
                                    .setRegex(".*role=staff.*"))))
            .build();
    set(server(detect(prefix("public", "/", anybody("all")), staff)));
    try (var peer = Http2Peer.client(proxy.inbound(IDENTITY))) {
      assertThat(
              peer.get("/", "l5d-orig-proto", "HTTP/1.1", "cookie", "a=b", "cookie", "role=staff")
                  .rest()
                  .status())
          .isEqualTo(403);
      assertThat(
              peer.get("/", "l5d-orig-proto", "HTTP/1.1", "cookie", "a=b", "cookie", "c=d")
                  .rest()
                  .status())
          .isEqualTo(200);
      assertThat(app.request().header("cookie")).isEqualTo("a=b; c=d");
    }
  }

  @Test
  void aRepeatedHeaderIsRefusedWhereRoutesMatchOnIt() throws Exception {
    HttpRoute writes =
        PolicyMessages.route(
                "writes",
                PathMatch.newBuilder().setPrefix("/").build(),
                identities("admins", OTHER))
            .setRules(
                0,
                HttpRoute.Rule.newBuilder()
                    .addMatches(
                        HttpRouteMatch.newBuilder()
                            .addHeaders(
                                HeaderMatch.newBuilder()
                                    .setName("x-op")
                                    .setExact(ByteString.copyFromUtf8("write")))))
            .build();
    set(server(detect(prefix("public", "/", anybody("all")), writes)));
    String head = "GET / HTTP/1.1\r\nhost: web\r\n";
    assertThat(client.send(head + "x-op: a\r\nX-Op: write\r\n\r\n").response().status())
        .isEqualTo(400);
    assertThat(last().reason()).isEqualTo("unsafe-path");
    assertThat(app.requests).isEmpty();
    assertThat(client.send(head + "x-op: a\r\nx-op: a\r\n\r\n").response().status()).isEqualTo(200);
    assertThat(client.send(head + "x-no: a\r\nx-no: b\r\n\r\n").response().status()).isEqualTo(200);
    try (var peer = Http2Peer.client(proxy.inbound(IDENTITY))) {
      assertThat(peer.get("/", "x-op", "a", "x-op", "write").rest().status()).isEqualTo(400);
    }
  }

  @Test
  void aMethodThatDiffersInCaseOnlyIsRefusedWhereRoutesMatchMethods() throws Exception {
    HttpRoute deletes =
        PolicyMessages.route("deletes", PathMatch.newBuilder().setPrefix("/").build())
            .addAuthorizations(identities("admins", OTHER))
            .setRules(
                0,
                HttpRoute.Rule.newBuilder()
                    .addMatches(
                        HttpRouteMatch.newBuilder()
                            .setMethod(
                                HttpMethod.newBuilder()
                                    .setRegistered(HttpMethod.Registered.DELETE))))
            .build();
    set(server(detect(prefix("public", "/", anybody("all")), deletes)));
    assertThat(client.send("DELETE / HTTP/1.1\r\nhost: web\r\n\r\n").response().status())
        .isEqualTo(403);
    assertThat(client.send("Purge / HTTP/1.1\r\nhost: web\r\n\r\n").response().status())
        .isEqualTo(200);
    assertThat(client.send("delete / HTTP/1.1\r\nhost: web\r\n\r\n").response().status())
        .isEqualTo(400);
    assertThat(last().reason()).isEqualTo("protocol-error");
  }

  @Test
  void aHeaderMatchOnHostLooksAtTheAuthority() throws Exception {
    HttpRoute inner =
        PolicyMessages.route("inner", PathMatch.newBuilder().setPrefix("/").build())
            .addAuthorizations(identities("admins", OTHER))
            .setRules(
                0,
                HttpRoute.Rule.newBuilder()
                    .addMatches(
                        HttpRouteMatch.newBuilder()
                            .addHeaders(
                                HeaderMatch.newBuilder().setName("Host").setRegex("inner.*"))))
            .build();
    set(server(detect(prefix("public", "/", anybody("all")), inner)));
    assertThat(get(client, "/", "inner.shop").status()).isEqualTo(403);
    assertThat(get(client, "/", "outer.shop").status()).isEqualTo(200);
  }

  @ParameterizedTest
  @ValueSource(strings = {"content-length", "transfer-encoding", "l5d-client-id", "connection"})
  void policyThatWouldReframeARequestIsAnError(String name) throws Exception {
    HttpRoute changing =
        PolicyMessages.route("changing", PathMatch.newBuilder().setPrefix("/").build())
            .addAuthorizations(anybody("all"))
            .setRules(
                0,
                HttpRoute.Rule.newBuilder()
                    .addFilters(
                        HttpRoute.Filter.newBuilder()
                            .setRequestHeaderModifier(
                                RequestHeaderModifier.newBuilder()
                                    .setSet(
                                        Headers.newBuilder()
                                            .addHeaders(
                                                Headers.Header.newBuilder()
                                                    .setName(name)
                                                    .setValue(ByteString.copyFromUtf8("0")))))))
            .build();
    set(server(detect(changing)));
    client.send("POST / HTTP/1.1\r\nhost: web\r\ncontent-length: 3\r\n\r\nabc");
    assertThat(client.response().status()).isEqualTo(500);
    assertThat(app.requests).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
        "GET https://web/ HTTP/1.1\r\nhost: web\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: web\r\nno colon\r\n\r\n",
        "POST / HTTP/1.1\r\nhost: web\r\ntransfer-encoding: gzip\r\n\r\n",
      })
  void malformedRequestsAreOnRecord(String request) throws Exception {
    set(administered());
    assertThat(client.send(request).response().status()).isGreaterThanOrEqualTo(400);
    assertThat(last().reason()).isEqualTo("protocol-error");
    assertThat(last().verdict()).isEqualTo(Verdict.DENY);
    assertThat(app.requests).isEmpty();
  }

  @Test
  void valuesOfPathParametersStayOutOfRecords() throws Exception {
    set(administered());
    assertThat(get("/app;jsessionid=secret;a/b;c=secret?d=secret").status()).isEqualTo(200);
    assertThat(last().path()).isEqualTo("/app;/b;");
    assertThat(app.request().path()).isEqualTo("/app;jsessionid=secret;a/b;c=secret?d=secret");
    assertThat(get("http://user:secret@web/a").status()).isEqualTo(400);
    assertThat(last().path()).isEqualTo("web/a");
  }

  // ---- trials and audit

  @Test
  void whatIsTriedChangesNothingAndIsOnRecord() throws Exception {
    set(
        server(detect())
            .addAuthorizations(anybody("all"))
            .setSignetTrial(
                server(detect())
                    .clearSignetGeneration()
                    .addAuthorizations(identities("few", OTHER))));
    assertThat(get("/a").status()).isEqualTo(200);
    assertThat(last().verdict()).isEqualTo(Verdict.ALLOW);
    assertThat(last().mode()).isEqualTo(DecisionMode.ENFORCE);
    assertThat(last().policyGeneration()).isEqualTo(7);
    TrialVerdict trial = last().trial();
    assertThat(trial).isNotNull();
    assertThat(trial.verdict()).isEqualTo(Verdict.DENY);
    assertThat(trial.authorization()).isEqualTo("policy.linkerd.io/authorizationpolicy/few");
    assertThat(trial.failedAttribute()).isEqualTo("tls");
    assertThat(get("/b").status()).isEqualTo(200);
    assertThat(proxy.scrape())
        .contains(
            "signet_inbound_trial_verdict_total{kind=\"http\","
                + "srv_group=\"policy.linkerd.io\",srv_kind=\"server\",srv_name=\"web\",")
        .containsPattern(
            "signet_inbound_trial_verdict_total\\{[^}]*outcome=\"allow\",verdict=\"deny\",[^}]*} 2");
  }

  @Test
  void aTriedPolicyWouldAllowWhatIsRefused() throws Exception {
    set(
        server(detect(prefix("a", "/a", anybody("all"))))
            .setSignetTrial(
                server(
                    detect(prefix("a", "/a", anybody("all")), prefix("b", "/b", anybody("all"))))));
    assertThat(get("/a").status()).isEqualTo(200);
    assertThat(last().trial()).isNotNull();
    assertThat(last().trial().verdict()).isEqualTo(Verdict.ALLOW);
    assertThat(get("/b").status()).isEqualTo(404);
    assertThat(last().reason()).isEqualTo("no-route");
    assertThat(last().trial()).isNotNull();
    assertThat(last().trial().verdict()).isEqualTo(Verdict.ALLOW);
    assertThat(get("/c").status()).isEqualTo(404);
    assertThat(last().trial()).isNotNull();
    assertThat(last().trial().reason()).isEqualTo("no-route");
  }

  @Test
  void aTriedRouteOfAPathChangesNoPath() throws Exception {
    set(
        server(detect())
            .addAuthorizations(anybody("all"))
            .setSignetTrial(
                server(
                    detect(
                        prefix("public", "/", anybody("all")),
                        prefix("admin", "/admin", identities("admins", OTHER))))));
    assertThat(get("/a//b%2Fc/../d").body()).isEqualTo("/a//b%2Fc/../d");
    assertThat(last().trial()).isNotNull();
    assertThat(last().trial().reason()).isEqualTo("unsafe-path");
    assertThat(get("/a/..//admin").body()).isEqualTo("/a/..//admin");
    assertThat(last().path()).isEqualTo("/a/..//admin");
    assertThat(last().trial()).isNotNull();
    assertThat(last().trial().authorization()).contains("admins");
    assertThat(get("/a/../b").status()).isEqualTo(200);
    assertThat(last().trial()).isNotNull();
    assertThat(last().trial().verdict()).isEqualTo(Verdict.ALLOW);
  }

  @Test
  void whatIsTriedIsNotChargedToTheLimit() throws Exception {
    HttpLocalRateLimit two = HttpLocalRateLimit.newBuilder().setTotal(rate(2)).build();
    set(
        server(limited(two))
            .addAuthorizations(anybody("all"))
            .setSignetTrial(server(limited(two)).addAuthorizations(anybody("all"))));
    assertThat(get("/").status()).isEqualTo(200);
    assertThat(get("/").status()).isEqualTo(200);
    assertThat(get("/").status()).isEqualTo(429);
    assertThat(last().reason()).isEqualTo("rate-limited");
    assertThat(last().trial()).isNull();
  }

  @Test
  void whatOnlyAnAuditLetsThroughIsSaidToBe() throws Exception {
    set(server(detect()).addAuthorizations(audit()).addAuthorizations(identities("few", OTHER)));
    assertThat(get("/").status()).isEqualTo(200);
    assertThat(last().verdict()).isEqualTo(Verdict.ALLOW);
    assertThat(last().reason()).isEqualTo("audited");
    assertThat(last().mode()).isEqualTo(DecisionMode.AUDIT);
    assertThat(last().trial()).isNotNull();
    assertThat(last().trial().verdict()).isEqualTo(Verdict.DENY);
    assertThat(last().trial().failedAttribute()).isEqualTo("tls");
    assertThat(proxy.scrape())
        .containsPattern(
            "inbound_http_authz_allow_total\\{[^}]*"
                + "authz_group=\"\",authz_kind=\"default\",authz_name=\"audit\"[^}]*} 1");
  }

  @Test
  void aDenialRefusesWhateverElseAllows() throws Exception {
    set(
        server(detect())
            .addAuthorizations(anybody("all"))
            .addSignetDenials(identities("thieves", IDENTITY)));
    assertThat(get("/").status()).isEqualTo(200);
    try (var peer = Http2Peer.client(proxy.inbound(IDENTITY))) {
      assertThat(peer.get("/", "l5d-orig-proto", "HTTP/1.1").rest().status()).isEqualTo(403);
      assertThat(last().reason()).isEqualTo("denied-by-policy");
      assertThat(last().authorization()).contains("thieves");
    }
    set(
        server(detect(prefix("a", "/a", anybody("all"))))
            .addSignetDenials(identities("thieves", IDENTITY)));
    assertThat(get("/b").status()).isEqualTo(404);
    try (var peer = Http2Peer.client(proxy.inbound(IDENTITY))) {
      // Who is denied learns nothing of routes.
      assertThat(peer.get("/b", "l5d-orig-proto", "HTTP/1.1").rest().status()).isEqualTo(403);
      assertThat(last().reason()).isEqualTo("denied-by-policy");
    }
  }

  // ---- rate limits

  @Test
  void theTotalIsAskedFirstAndRefusalsCostNothing() throws Exception {
    set(
        server(
            limited(
                HttpLocalRateLimit.newBuilder().setTotal(rate(3)).build(),
                exact("open", "/open", anybody("all")),
                exact("shut", "/shut", identities("admins", OTHER)))));
    for (int i = 0; i < 10; i++) {
      assertThat(get("/shut").status()).isEqualTo(403);
      assertThat(get("/none").status()).isEqualTo(404);
      assertThat(get("/%2f").status()).isEqualTo(400);
    }
    for (int i = 0; i < 3; i++) {
      assertThat(get("/open").status()).isEqualTo(200);
    }
    assertThat(get("/open").status()).isEqualTo(429);
    assertThat(last().failedAttribute()).isEqualTo("total-rate");
    assertThat(proxy.scrape())
        .containsPattern("inbound_http_local_ratelimit_total\\{[^}]*ratelimit_scope=\"total\"} 1");
    nanos.addAndGet(334_000_000L);
    assertThat(get("/open").status()).isEqualTo(200);
    assertThat(get("/open").status()).isEqualTo(429);
    nanos.addAndGet(60_000_000_000L);
    for (int i = 0; i < 3; i++) {
      assertThat(get("/open").status()).isEqualTo(200);
    }
    assertThat(get("/open").status()).isEqualTo(429);
  }

  @Test
  void anOverrideIsOneBucketForAllWhomItNamesAndReplacesTheirOwn() throws Exception {
    set(
        server(
                limited(
                    HttpLocalRateLimit.newBuilder()
                        .setIdentity(rate(1))
                        .addOverrides(
                            HttpLocalRateLimit.Override.newBuilder()
                                .setLimit(rate(4))
                                .setClients(
                                    HttpLocalRateLimit.Override.ClientIdentities.newBuilder()
                                        .addIdentities(Identity.newBuilder().setName(IDENTITY))
                                        .addIdentities(Identity.newBuilder().setName(OTHER))))
                        .build()))
            .addAuthorizations(anybody("all")));
    try (var one = Http2Peer.client(proxy.inbound(IDENTITY));
        var two = Http2Peer.client(proxy.inbound(OTHER));
        var third = Http2Peer.client(proxy.inbound("third.shop"));
        var anonymous = new Http1Client(proxy.inbound(null))) {
      int allowed = 0;
      for (int i = 0; i < 5; i++) {
        allowed += status(one) == 200 ? 1 : 0;
        allowed += status(two) == 200 ? 1 : 0;
      }
      assertThat(allowed).isEqualTo(4);
      assertThat(status(third)).isEqualTo(200);
      assertThat(status(third)).isEqualTo(429);
      assertThat(last().failedAttribute()).isEqualTo("identity-rate");
      // Clients without identity share one bucket.
      assertThat(get(anonymous, "/", "web").status()).isEqualTo(200);
      assertThat(get("/").status()).isEqualTo(429);
    }
  }

  private static int status(Http2Peer peer) throws InterruptedException {
    return peer.get("/", "l5d-orig-proto", "HTTP/1.1").rest().status();
  }

  @Test
  void grpcIsToldInItsOwnTerms() throws Exception {
    try (var service = Http2Peer.echoingPaths();
        var rpc = new ProxyFixture(IoTransport.select(null), service.port());
        var peer = Http2Peer.client(rpc.inbound(IDENTITY))) {
      rpc.policy.set(
          compiler.compile(
              server(
                      grpc(
                          HttpLocalRateLimit.newBuilder().setTotal(rate(1)).build(),
                          grpcService("greeter", "shop.Greeter", anybody("all")),
                          grpcService("vault", "shop.Vault", identities("admins", OTHER))))
                  .build()));
      Message refused = call(peer, "/shop.Vault/Open");
      assertThat(refused.status()).isEqualTo(200);
      assertThat(refused.header("grpc-status")).isEqualTo("7");
      Message unknown = call(peer, "/shop.Other/Do");
      assertThat(unknown.status()).isEqualTo(200);
      assertThat(unknown.header("grpc-status")).isEqualTo("5");
      assertThat(call(peer, "/shop.Greeter/Greet").header("x-path"))
          .isEqualTo("/shop.Greeter/Greet");
      Message limited = call(peer, "/shop.Greeter/Greet");
      assertThat(limited.status()).isEqualTo(200);
      assertThat(limited.header("content-type")).isEqualTo("application/grpc");
      assertThat(limited.header("grpc-status")).isEqualTo("8");
      assertThat(limited.header("grpc-message")).isEqualTo("rate limited");
      assertThat(limited.body()).isEmpty();
      assertThat(limited.trailers()).isNull();
      assertThat(rpc.decisions.getLast().reason()).isEqualTo("rate-limited");
    }
  }

  private static Message call(Http2Peer peer, String path) throws InterruptedException {
    return peer.open(
            new DefaultHttp2Headers(false)
                .method("POST")
                .scheme("http")
                .authority("web")
                .path(path)
                .add("content-type", "application/grpc")
                .add("te", "trailers"),
            true)
        .rest();
  }
}

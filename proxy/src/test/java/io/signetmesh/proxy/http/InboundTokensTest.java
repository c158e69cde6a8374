package io.signetmesh.proxy.http;

import static io.signetmesh.proxy.http.PolicyMessages.anybody;
import static io.signetmesh.proxy.http.PolicyMessages.detect;
import static io.signetmesh.proxy.http.PolicyMessages.grpc;
import static io.signetmesh.proxy.http.PolicyMessages.grpcService;
import static io.signetmesh.proxy.http.PolicyMessages.identities;
import static io.signetmesh.proxy.http.PolicyMessages.prefix;
import static io.signetmesh.proxy.http.PolicyMessages.server;
import static org.assertj.core.api.Assertions.assertThat;

import io.linkerd.proxy.inbound.HttpLocalRateLimit;
import io.linkerd.proxy.inbound.ProxyProtocol;
import io.linkerd.proxy.inbound.Server;
import io.netty.handler.codec.http2.DefaultHttp2Headers;
import io.signetmesh.audit.AuditedToken;
import io.signetmesh.audit.DecisionEvent;
import io.signetmesh.audit.Verdict;
import io.signetmesh.proxy.authorize.Client;
import io.signetmesh.proxy.authorize.Decision;
import io.signetmesh.proxy.authorize.compile.PolicyCompiler;
import io.signetmesh.proxy.loop.IoTransport;
import io.signetmesh.proxy.token.TestIssuer;
import io.signetmesh.v1.ClaimRule;
import io.signetmesh.v1.ClaimValue;
import io.signetmesh.v1.JwtAuthentication;
import io.signetmesh.v1.TokenForwarding;
import io.signetmesh.v1.TokenLocation;
import java.io.IOException;
import java.net.InetAddress;
import java.time.Duration;
import java.time.Instant;
import java.util.Date;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Requests with tokens, through a proxy. */
class InboundTokensTest {
  private static final String IDENTITY = ProxyFixture.IDENTITY;
  private static final String OTHER = "other.shop.serviceaccount.identity.signet.cluster.local";

  private final PolicyCompiler compiler = new PolicyCompiler(false, () -> 0);
  private final TestIssuer issuer = new TestIssuer("shop/users", "key-1");
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

  private static ProxyProtocol http() {
    return detect(prefix("all", "/"));
  }

  /** Everything needs a token. */
  private Server.Builder closed(JwtAuthentication.Builder authentication) {
    return server(http())
        .addAuthorizations(issuer.required(anybody("users")))
        .addSignetJwtAuthentications(authentication);
  }

  private Http1Client.Message get(String path, @Nullable String token, String... fields)
      throws IOException {
    StringBuilder request = new StringBuilder("GET " + path + " HTTP/1.1\r\nhost: web\r\n");
    if (token != null) {
      request.append("authorization: Bearer ").append(token).append("\r\n");
    }
    for (String field : fields) {
      request.append(field).append("\r\n");
    }
    return client.send(request.append("\r\n").toString()).response();
  }

  private DecisionEvent last() {
    return proxy.decisions.getLast();
  }

  // ---- answers

  @Test
  void withoutATokenTheClientIsToldThatOneIsNeeded() throws Exception {
    set(closed(issuer.authentication()));
    Http1Client.Message answer = get("/", null);
    assertThat(answer.status()).isEqualTo(401);
    assertThat(answer.header("www-authenticate")).isEqualTo("Bearer realm=\"mesh\"");
    assertThat(last().verdict()).isEqualTo(Verdict.DENY);
    assertThat(last().reason()).isEqualTo("token-required");
    assertThat(last().failedAttribute()).isEqualTo("token");
    assertThat(last().authorization()).contains("users");
    assertThat(last().detail()).contains(TestIssuer.ISSUER);
    assertThat(last().token()).isNull();
    assertThat(app.requests).isEmpty();
  }

  @Test
  void aValidTokenLetsTheRequestInAndIsOnRecordByItsClaims() throws Exception {
    set(closed(issuer.authentication()));
    String token = issuer.token("alice");
    assertThat(get("/a", token).status()).isEqualTo(200);
    assertThat(last().reason()).isEqualTo("authorized");
    assertThat(last().token())
        .isEqualTo(new AuditedToken(TestIssuer.ISSUER, "alice", "id-1", "key-1"));
    assertThat(app.request().header("authorization")).isEqualTo("Bearer " + token);
    // Now it is known.
    assertThat(get("/b", token).status()).isEqualTo(200);
    assertThat(last().token()).isNotNull();
  }

  @Test
  void aTokenThatIsNotValidIsRefusedWithoutSayingWhy() throws Exception {
    set(closed(issuer.authentication()));
    String expired =
        issuer.token(claims -> claims.expirationTime(Date.from(Instant.now().minusSeconds(3_600))));
    for (String token : List.of(expired, "x.y.z", new TestIssuer("a/b", "key-1").token("eve"))) {
      Http1Client.Message answer = get("/", token);
      assertThat(answer.status()).isEqualTo(401);
      assertThat(answer.header("www-authenticate"))
          .isEqualTo("Bearer realm=\"mesh\", error=\"invalid_token\"");
      assertThat(last().reason()).isEqualTo("token-invalid");
    }
    assertThat(app.requests).isEmpty();
  }

  @Test
  void whyATokenIsRefusedIsToldWhereThePolicySaysSo() throws Exception {
    set(closed(issuer.authentication().setErrorDetail(true)));
    String token = issuer.token(claims -> claims.audience("other"));
    assertThat(get("/", token).header("www-authenticate"))
        .startsWith("Bearer realm=\"mesh\", error=\"invalid_token\", error_description=\"audience")
        .doesNotContain("other");
    assertThat(last().detail()).contains("audience").doesNotContain(token);
  }

  private static ClaimRule isAdmin() {
    return ClaimRule.newBuilder()
        .addPath("role")
        .setEquals(ClaimValue.newBuilder().setText("admin"))
        .build();
  }

  @Test
  void aClaimThatDoesNotHoldIsForbidden() throws Exception {
    set(closed(issuer.authentication().addClaims(isAdmin())));
    Http1Client.Message answer = get("/", issuer.token(claims -> claims.claim("role", "guest")));
    assertThat(answer.status()).isEqualTo(403);
    assertThat(answer.header("www-authenticate"))
        .isEqualTo("Bearer realm=\"mesh\", error=\"insufficient_scope\"");
    assertThat(last().reason()).isEqualTo("claim-mismatch");
    assertThat(last().failedAttribute()).isEqualTo("claim");
    assertThat(last().detail()).contains("role").contains("admin").doesNotContain("guest");
    assertThat(last().token()).isNotNull();
    assertThat(get("/", issuer.token(claims -> claims.claim("role", "admin"))).status())
        .isEqualTo(200);
  }

  @Test
  void aRequestThatAnotherAuthorizationAllowsMayHaveABadToken() throws Exception {
    set(closed(issuer.authentication()).addAuthorizations(anybody("everyone")));
    assertThat(get("/", "x.y.z").status()).isEqualTo(200);
    assertThat(last().authorization()).contains("everyone");
    assertThat(last().token()).isNull();
    assertThat(get("/", issuer.token("alice")).status()).isEqualTo(200);
    assertThat(last().authorization()).contains("everyone");
    assertThat(Objects.requireNonNull(last().token()).subject()).isEqualTo("alice");
  }

  @Test
  void aTokenDoesNotReplaceTheIdentityThatIsRequiredBesideIt() throws Exception {
    set(
        server(http())
            .addAuthorizations(issuer.required(identities("both", OTHER)))
            .addSignetJwtAuthentications(issuer.authentication()));
    assertThat(get("/", issuer.token("alice")).status()).isEqualTo(403);
    assertThat(last().reason()).isEqualTo("tls-required");
  }

  @Test
  void severalTokensAreNone() throws Exception {
    set(closed(issuer.authentication()));
    String token = issuer.token("alice");
    assertThat(get("/", token, "authorization: Bearer " + token).status()).isEqualTo(401);
    assertThat(last().reason()).isEqualTo("token-invalid");
    assertThat(last().detail()).contains("multiple-tokens");
  }

  @Test
  void whatIsNotUnderstoodIsPassedByNobody() throws Exception {
    set(closed(issuer.authentication().setBoundToValue(77)));
    assertThat(get("/", issuer.token("alice")).status()).isEqualTo(401);
    set(server(http()).addAuthorizations(issuer.required(anybody("users"))));
    assertThat(get("/", issuer.token("alice")).status()).isEqualTo(401);
    set(closed(issuer.authentication()).addSignetJwtAuthentications(issuer.authentication()));
    assertThat(get("/", issuer.token("alice")).status()).isEqualTo(401);
  }

  // ---- denials

  @Test
  void aDenialHoldsForTokensThatPassItAndWhereNobodyCanTell() throws Exception {
    Server.Builder policy =
        server(http())
            .addAuthorizations(anybody("everyone"))
            .addSignetDenials(issuer.required(anybody("no-admins")))
            .addSignetJwtAuthentications(issuer.authentication().addClaims(isAdmin()));
    set(policy);
    assertThat(get("/", null).status()).isEqualTo(200);
    assertThat(get("/", issuer.token("alice")).status()).isEqualTo(200);
    assertThat(get("/", issuer.token(claims -> claims.claim("role", "admin"))).status())
        .isEqualTo(403);
    assertThat(last().reason()).isEqualTo("denied-by-policy");
    // The keys are away.
    set(
        policy
            .clearSignetJwtAuthentications()
            .addSignetJwtAuthentications(
                issuer.authentication().addClaims(isAdmin()).clearKeySet()));
    assertThat(get("/", issuer.token("alice")).status()).isEqualTo(403);
    assertThat(get("/", null).status()).isEqualTo(200);
  }

  @Test
  void aPortThatIsNotReadAsHttpKnowsNoTokens() throws Exception {
    set(
        server(
                ProxyProtocol.newBuilder()
                    .setOpaque(ProxyProtocol.Opaque.getDefaultInstance())
                    .build())
            .addAuthorizations(issuer.required(anybody("users")))
            .addSignetJwtAuthentications(issuer.authentication()));
    Client stranger = new Client(InetAddress.getLoopbackAddress(), false, null);
    Decision decision = Objects.requireNonNull(proxy.policy.current()).decideConnection(stranger);
    assertThat(decision.allowed()).isFalse();
    assertThat(decision.detail()).contains("not read as HTTP");
  }

  // ---- dry run

  @Test
  void aDryRunOfTokensIsOnRecordAndChangesNothing() throws Exception {
    Server.Builder policy = server(http()).addAuthorizations(anybody("everyone"));
    set(
        policy.setSignetTrial(
            closed(issuer.authentication().setForwarding(forwarding())).clearSignetGeneration()));
    String token = issuer.token("alice");
    long start = System.nanoTime();
    TestIssuer stranger = new TestIssuer("shop/users", "key-9");
    String[] tokens = {null, "x.y.z", stranger.token("eve"), token};
    String[] verdicts = {"token-required", "token-invalid", "token-invalid", "authorized"};
    for (int i = 0; i < tokens.length; i++) {
      assertThat(get("/", tokens[i], "x-user: me").status()).isEqualTo(200);
      assertThat(last().reason()).isEqualTo("authorized");
      assertThat(Objects.requireNonNull(last().trial()).reason()).isEqualTo(verdicts[i]);
      Http1Client.Message sent = app.request();
      assertThat(sent.header("x-user")).isEqualTo("me");
      assertThat(sent.header("authorization"))
          .isEqualTo(tokens[i] == null ? null : "Bearer " + tokens[i]);
    }
    // Nobody waited for the key that nobody has.
    assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(2));
  }

  @Test
  void aDenialIsNotEscapedByATokenThatOnlyTheApplicationReads() throws Exception {
    set(
        server(http())
            .addAuthorizations(anybody("everyone"))
            .addSignetDenials(issuer.required(anybody("no-admins")))
            .addSignetJwtAuthentications(issuer.authentication().addClaims(isAdmin())));
    String token = issuer.token(claims -> claims.claim("role", "admin"));
    assertThat(get("/", token + "=").status()).isEqualTo(403);
    assertThat(get("/", token, "authorization: Bearer " + token).status()).isEqualTo(403);
    assertThat(app.requests).isEmpty();
  }

  @Test
  void aDryRunOfAnotherIssuerMakesNoRequestWait() throws Exception {
    TestIssuer partners = new TestIssuer("shop/partners", "key-p");
    set(
        closed(issuer.authentication())
            .setSignetTrial(
                server(http())
                    .addAuthorizations(partners.required(anybody("partners")))
                    .addSignetJwtAuthentications(
                        partners.authentication().setIssuer("https://partners.test"))
                    .clearSignetGeneration()));
    String token = issuer.token("alice");
    for (int i = 0; i < 2; i++) {
      assertThat(get("/", token).status()).isEqualTo(200);
      assertThat(Objects.requireNonNull(last().trial()).reason()).isEqualTo("token-invalid");
    }
  }

  // ---- what the application gets

  private static TokenForwarding forwarding() {
    return TokenForwarding.newBuilder()
        .setStrip(true)
        .addClaims(TokenForwarding.ClaimHeader.newBuilder().addPath("sub").setHeader("x-user"))
        .build();
  }

  @Test
  void verifiedClaimsReplaceWhatTheClientSays() throws Exception {
    set(closed(issuer.authentication().setForwarding(forwarding())));
    assertThat(
            get("/", issuer.token("alice"), "x-user: root", "X_User: root", "x.user: root")
                .status())
        .isEqualTo(200);
    Http1Client.Message sent = app.request();
    assertThat(sent.headers()).contains("x-user: alice");
    assertThat(sent.headers()).noneMatch(field -> field.contains("root"));
    assertThat(sent.header("authorization")).isNull();
  }

  @Test
  void theClientsOwnCopyIsRemovedWhateverBecomesOfItsToken() throws Exception {
    set(
        closed(issuer.authentication().setForwarding(forwarding()))
            .addAuthorizations(anybody("everyone")));
    for (String token : new String[] {null, "x.y.z"}) {
      assertThat(get("/", token, "x-user: root").status()).isEqualTo(200);
      assertThat(app.request().header("x-user")).isNull();
    }
  }

  @Test
  void anotherSchemeInTheSameFieldStays() throws Exception {
    set(
        closed(issuer.authentication().setForwarding(forwarding()))
            .addAuthorizations(anybody("everyone")));
    assertThat(get("/", null, "authorization: Basic eA==").status()).isEqualTo(200);
    assertThat(app.request().header("authorization")).isEqualTo("Basic eA==");
  }

  @Test
  void tokensInCookiesAndParametersAreTakenOut() throws Exception {
    set(
        closed(
            issuer
                .authentication()
                .setForwarding(forwarding())
                .clearLocations()
                .addLocations(TokenLocation.newBuilder().setCookie("session"))
                .addLocations(TokenLocation.newBuilder().setQueryParameter("access_token"))));
    String token = issuer.token("alice");
    assertThat(get("/a?b=1&access_token=" + token + "&c=2", null).status()).isEqualTo(200);
    assertThat(app.request().path()).isEqualTo("/a?b=1&c=2");
    assertThat(last().path()).isEqualTo("/a");
    assertThat(get("/", null, "cookie: a=1; session=" + token + "; b=2").status()).isEqualTo(200);
    assertThat(app.request().header("cookie")).isEqualTo("a=1; b=2");
    assertThat(get("/?access_token=" + token, null, "cookie: session=" + token).status())
        .isEqualTo(401);
  }

  @Test
  void fieldsThatFoldToTheTokensOwnAreOneTokenTooMany() throws Exception {
    set(
        closed(
            issuer
                .authentication()
                .setForwarding(forwarding())
                .clearLocations()
                .addLocations(
                    TokenLocation.newBuilder()
                        .setHeader(TokenLocation.Header.newBuilder().setName("x-token")))));
    String token = issuer.token("alice");
    assertThat(get("/", null, "x-token: " + token, "x_token: evil").status()).isEqualTo(401);
    assertThat(get("/", null, "x-token: " + token).status()).isEqualTo(200);
    assertThat(app.request().headers()).noneMatch(field -> field.contains("token"));
  }

  @Test
  void trailersBringNoClaims() throws Exception {
    set(closed(issuer.authentication().setForwarding(forwarding())));
    client.send(
        "POST / HTTP/1.1\r\nhost: web\r\ntransfer-encoding: chunked\r\nauthorization: Bearer "
            + issuer.token("alice")
            + "\r\n\r\n1\r\na\r\n0\r\nx-user: root\r\nX_User: root\r\nx-other: 1\r\n\r\n");
    assertThat(client.response().status()).isEqualTo(200);
    Http1Client.Message sent = app.request();
    assertThat(sent.header("x-user")).isEqualTo("alice");
    assertThat(sent.trailers()).containsExactly("x-other: 1");
  }

  @Test
  void whatIsNotReadAsHttpDoesNotReachAnApplicationThatTrustsClaims() throws Exception {
    set(
        closed(issuer.authentication().setForwarding(forwarding()))
            .addAuthorizations(anybody("everyone")));
    Client stranger = new Client(InetAddress.getLoopbackAddress(), false, null);
    Decision decision = Objects.requireNonNull(proxy.policy.current()).decideConnection(stranger);
    assertThat(decision.allowed()).isFalse();
    assertThat(decision.detail()).contains("not HTTP");
  }

  // ---- several issuers, and keys that are used for longer

  @Test
  void aTokenOfOneOfSeveralIssuersIsVerifiedOnce() throws Exception {
    TestIssuer partners = new TestIssuer("shop/partners", "key-p");
    set(
        closed(issuer.authentication())
            .addAuthorizations(partners.required(anybody("partners")))
            .addSignetJwtAuthentications(
                partners.authentication().setIssuer("https://partners.test")));
    String token = issuer.token("alice");
    assertThat(get("/", token).status()).isEqualTo(200);
    long verified = verified();
    assertThat(get("/", token).status()).isEqualTo(200);
    assertThat(verified()).isEqualTo(verified);
  }

  @Test
  void keysThatAreUsedForLongerMakeNoTokenNew() throws Exception {
    Instant now = Instant.now();
    set(closed(issuer.authentication().setKeySet(issuer.keysUntil(now.plusSeconds(600)))));
    String token = issuer.token("alice");
    assertThat(get("/", token).status()).isEqualTo(200);
    long verified = verified();
    set(closed(issuer.authentication().setKeySet(issuer.keysUntil(now.plusSeconds(900)))));
    assertThat(get("/", token).status()).isEqualTo(200);
    assertThat(verified()).isEqualTo(verified);
    // And they end when the newest message says so.
    set(closed(issuer.authentication().setKeySet(issuer.keysUntil(now.minusSeconds(1)))));
    assertThat(get("/", token).status()).isEqualTo(401);
    assertThat(last().detail()).contains("keys-expired");
  }

  private long verified() throws IOException {
    return proxy
        .scrape()
        .lines()
        .filter(line -> line.startsWith("signet_inbound_tokens_verified_total "))
        .mapToLong(line -> (long) Double.parseDouble(line.split(" ", -1)[1]))
        .sum();
  }

  // ---- waiting

  @Test
  void pipelinedRequestsAreAnsweredInTheirOrder() throws Exception {
    set(closed(issuer.authentication()));
    StringBuilder requests = new StringBuilder();
    for (int i = 0; i < 8; i++) {
      String token = i % 2 == 0 ? issuer.token("user-" + i) : "x.y." + i;
      requests
          .append("GET /" + i + " HTTP/1.1\r\nhost: web\r\nauthorization: Bearer ")
          .append(token)
          .append("\r\n\r\n");
    }
    client.send(requests.toString());
    for (int i = 0; i < 8; i++) {
      Http1Client.Message answer = client.response();
      assertThat(answer.status()).isEqualTo(i % 2 == 0 ? 200 : 401);
      if (i % 2 == 0) {
        assertThat(answer.body()).isEqualTo("/" + i);
      }
    }
  }

  @Test
  void aBodyWaitsForTheVerdict() throws Exception {
    set(closed(issuer.authentication()));
    String body = "0123456789".repeat(5_000);
    client.send(
        "POST /up HTTP/1.1\r\nhost: web\r\ncontent-length: "
            + body.length()
            + "\r\nauthorization: Bearer "
            + issuer.token("alice")
            + "\r\n\r\n"
            + body);
    assertThat(client.response().status()).isEqualTo(200);
    assertThat(app.request().body()).isEqualTo(body);
  }

  @Test
  void aRequestWithANewKeyOfTheIssuerWaitsUntilTheKeyComes() throws Exception {
    set(closed(issuer.authentication()));
    TestIssuer rotated = new TestIssuer("shop/users", "key-2");
    client.send(
        "GET /new HTTP/1.1\r\nhost: web\r\nauthorization: Bearer "
            + rotated.token("alice")
            + "\r\n\r\n");
    assertThat(proxy.unknownKeys.poll(10, TimeUnit.SECONDS)).isEqualTo("shop/users key-2");
    set(closed(rotated.authentication()));
    assertThat(client.response().status()).isEqualTo(200);
    assertThat(Objects.requireNonNull(last().token()).keyId()).isEqualTo("key-2");
  }

  @Test
  void aKeyThatDoesNotComeIsWaitedForOnce() throws Exception {
    set(closed(issuer.authentication()));
    TestIssuer stranger = new TestIssuer("shop/users", "key-9");
    long start = System.nanoTime();
    assertThat(get("/", stranger.token("eve")).status()).isEqualTo(401);
    assertThat(Duration.ofNanos(System.nanoTime() - start)).isGreaterThan(Duration.ofSeconds(2));
    long again = System.nanoTime();
    assertThat(get("/", stranger.token("eve")).status()).isEqualTo(401);
    assertThat(Duration.ofNanos(System.nanoTime() - again)).isLessThan(Duration.ofSeconds(2));
    assertThat(last().detail()).contains("key-unknown");
  }

  @Test
  void aRequestUnderWayEndsWithTheKeyOfItsToken() throws Exception {
    try (Http1Application slow =
            new Http1Application(
                (connection, application) -> {
                  application.requests.add(connection.request());
                  connection.send("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n01234");
                  connection.rest();
                });
        ProxyFixture other = new ProxyFixture(IoTransport.select(null), slow.port());
        Http1Client reader = new Http1Client(other.inbound(null))) {
      other.policy.set(compiler.compile(closed(issuer.authentication()).build()));
      reader.send(
          "GET / HTTP/1.1\r\nhost: web\r\nauthorization: Bearer "
              + issuer.token("alice")
              + "\r\n\r\n");
      slow.request();
      // A change elsewhere, and keys that are used for longer, change nothing.
      other.policy.set(
          compiler.compile(
              closed(
                      issuer
                          .authentication()
                          .setKeySet(issuer.keysUntil(Instant.now().plusSeconds(600))))
                  .build()));
      assertThat(reader.exactly(5)).isNotEmpty();
      // Another set that still has its key: it is verified once more, and goes on.
      TestIssuer rotated = new TestIssuer("shop/users", "key-2");
      int records = other.decisions.size();
      other.policy.set(
          compiler.compile(
              closed(issuer.authentication().setKeySet(issuer.keysWith(rotated))).build()));
      try (Http1Client second = new Http1Client(other.inbound(null))) {
        second.send(
            "GET / HTTP/1.1\r\nhost: web\r\nauthorization: Bearer "
                + rotated.token("bob")
                + "\r\n\r\n");
        slow.request();
      }
      assertThat(other.decisions.subList(records, other.decisions.size()))
          .allMatch(event -> event.verdict() == Verdict.ALLOW);
      other.policy.set(compiler.compile(closed(rotated.authentication()).build()));
      assertThat(reader.ended() || reader.endedByReset()).isTrue();
      assertThat(other.decisions.getLast().verdict()).isEqualTo(Verdict.DENY);
    }
  }

  // ---- other protocols

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void http2AndGrpcAreToldInTheirOwnTerms(boolean isGrpc) throws Exception {
    try (var service = Http2Peer.echoingPaths();
        var rpc = new ProxyFixture(IoTransport.select(null), service.port());
        var peer = Http2Peer.client(rpc.inbound(IDENTITY))) {
      Server.Builder policy =
          isGrpc
              ? server(
                  grpc(
                      HttpLocalRateLimit.getDefaultInstance(),
                      grpcService("greeter", "shop.Greeter")))
              : server(http());
      rpc.policy.set(
          compiler.compile(
              policy
                  .addAuthorizations(issuer.required(identities("users", IDENTITY)))
                  .addSignetJwtAuthentications(issuer.authentication().addClaims(isAdmin()))
                  .build()));
      assertTold(isGrpc, call(peer, isGrpc, null), 401, 16);
      assertTold(isGrpc, call(peer, isGrpc, "x.y.z"), 401, 16);
      assertTold(isGrpc, call(peer, isGrpc, issuer.token("alice")), 403, 7);
      assertThat(
              call(peer, isGrpc, issuer.token(claims -> claims.claim("role", "admin")))
                  .header("x-path"))
          .isEqualTo("/shop.Greeter/Greet");
    }
  }

  private static void assertTold(boolean isGrpc, Http2Peer.Message answer, int http, int status) {
    assertThat(answer.status()).isEqualTo(isGrpc ? 200 : http);
    assertThat(answer.header("grpc-status")).isEqualTo(isGrpc ? Integer.toString(status) : null);
    assertThat(answer.header("www-authenticate")).startsWith("Bearer realm=");
  }

  private static Http2Peer.Message call(Http2Peer peer, boolean isGrpc, @Nullable String token)
      throws InterruptedException {
    var head =
        new DefaultHttp2Headers(false)
            .method("POST")
            .scheme("http")
            .authority("web")
            .path("/shop.Greeter/Greet");
    if (isGrpc) {
      head.add("content-type", "application/grpc").add("te", "trailers");
    }
    if (token != null) {
      head.add("authorization", "Bearer " + token);
    }
    return peer.open(head, true).rest();
  }
}

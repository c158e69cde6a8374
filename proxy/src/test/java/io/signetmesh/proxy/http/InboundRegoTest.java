package io.signetmesh.proxy.http;

import static io.signetmesh.proxy.http.PolicyMessages.anybody;
import static io.signetmesh.proxy.http.PolicyMessages.detect;
import static io.signetmesh.proxy.http.PolicyMessages.grpc;
import static io.signetmesh.proxy.http.PolicyMessages.grpcService;
import static io.signetmesh.proxy.http.PolicyMessages.identities;
import static io.signetmesh.proxy.http.PolicyMessages.prefix;
import static io.signetmesh.proxy.http.PolicyMessages.server;
import static org.assertj.core.api.Assertions.assertThat;

import io.linkerd.proxy.inbound.Authz;
import io.linkerd.proxy.inbound.HttpLocalRateLimit;
import io.linkerd.proxy.inbound.ProxyProtocol;
import io.linkerd.proxy.inbound.Server;
import io.netty.handler.codec.http2.DefaultHttp2Headers;
import io.signetmesh.audit.AuditedRego;
import io.signetmesh.audit.DecisionEvent;
import io.signetmesh.audit.Verdict;
import io.signetmesh.proxy.authorize.Client;
import io.signetmesh.proxy.authorize.Decision;
import io.signetmesh.proxy.authorize.RegoProof;
import io.signetmesh.proxy.authorize.compile.PolicyCompiler;
import io.signetmesh.proxy.loop.IoTransport;
import io.signetmesh.proxy.token.TestIssuer;
import io.signetmesh.rego.RegoAnswer;
import io.signetmesh.rego.RegoAnswer.Outcome;
import io.signetmesh.rego.RegoAuthentication;
import io.signetmesh.rego.RegoInput;
import io.signetmesh.v1.RegoBundle;
import java.io.IOException;
import java.net.InetAddress;
import java.time.Instant;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Requests that policy bundles decide on, through a proxy. What bundles answer is made up. */
class InboundRegoTest {
  private static final RegoAnswer YES = new RegoAnswer(Outcome.ALLOW, "because");
  private static final RegoAnswer NO = new RegoAnswer(Outcome.DENY, "closed at night");

  private final PolicyCompiler compiler = new PolicyCompiler(false, () -> 0);
  private final TestIssuer issuer = new TestIssuer("shop/users", "key-1");
  private final BlockingQueue<Asked> asked = new LinkedBlockingQueue<>();
  private Http1Application app;
  private ProxyFixture proxy;
  private Http1Client client;

  /** What a bundle was asked. */
  private record Asked(String name, RegoInput input) {}

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

  /** One whose bundle changes with a version. */
  private static io.signetmesh.v1.RegoAuthentication hours(int version) {
    return io.signetmesh.v1.RegoAuthentication.newBuilder()
        .setName("shop/hours")
        .setEntrypoint("mesh/allow")
        .setBundle(RegoBundle.newBuilder().setUnavailable("there is none for tests, " + version))
        .build();
  }

  private static Authz asking(Authz authorization) {
    return authorization.toBuilder().addSignetRego("shop/hours").build();
  }

  /** Everything needs the yes of the bundle. */
  private static Server.Builder closed() {
    return server(http())
        .addAuthorizations(asking(anybody("by-day")))
        .addSignetRegoAuthentications(hours(1));
  }

  private void answer(RegoAnswer answer) {
    proxy.rego =
        (authentication, input, now) -> {
          asked.add(new Asked(authentication.name(), input));
          return answer;
        };
  }

  private Http1Client.Message get(String path, String... fields) throws IOException {
    StringBuilder request = new StringBuilder("GET " + path + " HTTP/1.1\r\nhost: web\r\n");
    for (String field : fields) {
      request.append(field).append("\r\n");
    }
    return client.send(request.append("\r\n").toString()).response();
  }

  private DecisionEvent last() {
    return proxy.decisions.getLast();
  }

  private static AuditedRego audited(RegoAnswer answer) {
    return new AuditedRego("shop/hours", RegoProof.code(answer.outcome()), answer.reason());
  }

  // ---- answers

  @Test
  void aYesLetsTheRequestInAndIsOnRecord() throws Exception {
    set(closed());
    answer(YES);
    assertThat(get("/a").status()).isEqualTo(200);
    assertThat(last().reason()).isEqualTo("authorized");
    assertThat(last().authorization()).contains("by-day");
    assertThat(last().rego()).containsExactly(audited(YES));
  }

  @Test
  void theBundleGetsWhatTheClientSent() throws Exception {
    set(closed());
    answer(YES);
    Instant before = Instant.now();
    assertThat(get("/a%2fb/../c?x=1&x=2", "X-Role: admin", "x-role: other").status())
        .isEqualTo(200);
    RegoInput input = Objects.requireNonNull(asked.poll()).input();
    assertThat(input.client().address()).isEqualTo("127.0.0.1");
    assertThat(input.client().port()).isPositive();
    assertThat(input.client().tls()).isFalse();
    assertThat(input.client().identity()).isEmpty();
    assertThat(input.client().certificate()).isEmpty();
    assertThat(input.server().port()).isEqualTo(app.port());
    assertThat(input.server().labels()).containsEntry("name", "web").containsKeys("group", "kind");
    assertThat(input.request())
        .isEqualTo(
            new RegoInput.Head(
                "GET",
                "http",
                "web",
                "/a%2fb/../c",
                "x=1&x=2",
                List.of(
                    new RegoInput.Field("x-role", "admin"),
                    new RegoInput.Field("x-role", "other"))));
    assertThat(input.tokens()).isEmpty();
    assertThat(Instant.ofEpochMilli(input.epochMillis()))
        .isBetween(before.minusMillis(1), Instant.now());
  }

  @Test
  void aNoIsForbiddenAndItsReasonIsOnRecordOnly() throws Exception {
    set(closed());
    answer(NO);
    Http1Client.Message answer = get("/a");
    assertThat(answer.status()).isEqualTo(403);
    assertThat(answer.header("www-authenticate")).isNull();
    assertThat(answer.toString()).doesNotContain("night");
    assertThat(last().verdict()).isEqualTo(Verdict.DENY);
    assertThat(last().reason()).isEqualTo("rego-denied");
    assertThat(last().failedAttribute()).isEqualTo("rego");
    assertThat(last().detail()).contains("shop/hours", "closed at night");
    assertThat(last().rego()).containsExactly(audited(NO));
    assertThat(app.requests).isEmpty();
  }

  @ParameterizedTest
  @EnumSource(
      value = Outcome.class,
      mode = EnumSource.Mode.EXCLUDE,
      names = {"ALLOW", "DENY"})
  void whatIsNoAnswerIsForbiddenAndOnRecordByItsCode(Outcome outcome) throws Exception {
    set(closed());
    answer(new RegoAnswer(outcome, "what went wrong"));
    assertThat(get("/a").status()).isEqualTo(403);
    assertThat(last().reason()).isEqualTo("rego-failed");
    assertThat(last().detail()).contains(RegoProof.code(outcome), "what went wrong");
    assertThat(last().rego().getFirst().outcome()).isEqualTo(RegoProof.code(outcome));
  }

  @Test
  void whatIsNotUnderstoodIsPassedByNobody() throws Exception {
    answer(YES);
    set(closed().clearSignetRegoAuthentications());
    assertThat(get("/").status()).isEqualTo(403);
    assertThat(last().reason()).isEqualTo("rego-failed");
    set(closed().addSignetRegoAuthentications(hours(2)));
    assertThat(get("/").status()).isEqualTo(403);
    set(
        server(http())
            .addAuthorizations(asking(anybody("nameless")))
            .addSignetRegoAuthentications(hours(1).toBuilder().clearName()));
    assertThat(get("/").status()).isEqualTo(403);
    assertThat(asked).isEmpty();
  }

  @Test
  void whatAnotherAuthorizationAllowsIsNotAsked() throws Exception {
    set(closed().addAuthorizations(anybody("everyone")));
    answer(NO);
    assertThat(get("/").status()).isEqualTo(200);
    assertThat(last().authorization()).contains("everyone");
    set(
        server(detect(prefix("all", "/", asking(anybody("by-day")))))
            .addAuthorizations(anybody("everyone"))
            .addSignetRegoAuthentications(hours(1)));
    assertThat(get("/").status()).isEqualTo(200);
    assertThat(asked).isEmpty();
  }

  @Test
  void whomTheRestOfTheAuthorizationDoesNotNameIsNotAskedFor() throws Exception {
    set(
        server(http())
            .addAuthorizations(asking(identities("both", ProxyFixture.IDENTITY)))
            .addSignetRegoAuthentications(hours(1)));
    answer(YES);
    assertThat(get("/").status()).isEqualTo(403);
    assertThat(last().reason()).isEqualTo("tls-required");
    assertThat(asked).isEmpty();
  }

  // ---- with tokens

  private Server.Builder withToken() {
    return server(http())
        .addAuthorizations(asking(issuer.required(anybody("users-by-day"))))
        .addSignetJwtAuthentications(issuer.authentication())
        .addSignetRegoAuthentications(hours(1));
  }

  private String bearer(String subject) {
    return "authorization: Bearer " + issuer.token(subject);
  }

  @Test
  void theBundleIsAskedWhenTheTokensPassAndGetsTheirClaims() throws Exception {
    set(withToken());
    answer(YES);
    assertThat(get("/").status()).isEqualTo(401);
    assertThat(get("/", "authorization: Bearer x.y.z").status()).isEqualTo(401);
    assertThat(asked).isEmpty();
    assertThat(get("/", bearer("alice")).status()).isEqualTo(200);
    assertThat(Objects.requireNonNull(asked.poll()).input().tokens())
        .containsOnlyKeys("shop/users")
        .allSatisfy((name, claims) -> assertThat(claims).startsWith("{").contains("\"alice\""));
    assertThat(Objects.requireNonNull(last().token()).subject()).isEqualTo("alice");
    assertThat(last().rego()).containsExactly(audited(YES));
    // Now the token is known, and the bundle is asked all the same.
    assertThat(get("/", bearer("alice")).status()).isEqualTo(200);
    assertThat(asked).hasSize(1);
  }

  @Test
  void aPolicyWithoutTokensGivesTheBundleNoClaims() throws Exception {
    set(withToken().addAuthorizations(asking(anybody("by-day"))));
    answer(NO);
    assertThat(get("/", bearer("alice")).status()).isEqualTo(403);
    assertThat(Objects.requireNonNull(asked.poll()).input().tokens()).hasSize(1);
    assertThat(Objects.requireNonNull(asked.poll()).input().tokens()).isEmpty();
    assertThat(asked).isEmpty();
  }

  @Test
  void whoCouldShowATokenIsToldSo() throws Exception {
    set(
        closed()
            .addAuthorizations(issuer.required(anybody("users")))
            .addSignetJwtAuthentications(issuer.authentication()));
    answer(NO);
    assertThat(get("/").status()).isEqualTo(401);
    assertThat(last().reason()).isEqualTo("token-required");
    assertThat(last().rego()).containsExactly(audited(NO));
    set(
        withToken()
            .addAuthorizations(
                new TestIssuer("shop/partners", "key-2").required(anybody("partners")))
            .addSignetJwtAuthentications(
                new TestIssuer("shop/partners", "key-2")
                    .authentication()
                    .setIssuer("https://partners.test")));
    assertThat(get("/", bearer("alice")).status()).isEqualTo(403);
    assertThat(last().reason()).isEqualTo("rego-denied");
  }

  // ---- denials

  private static Server.Builder denying() {
    return server(http())
        .addAuthorizations(anybody("everyone"))
        .addSignetDenials(asking(anybody("at-night")))
        .addSignetRegoAuthentications(hours(1));
  }

  @ParameterizedTest
  @EnumSource(Outcome.class)
  void aDenialHoldsUnlessTheBundleSaysNo(Outcome outcome) throws Exception {
    set(denying());
    answer(new RegoAnswer(outcome, null));
    boolean allowed = outcome == Outcome.DENY;
    assertThat(get("/").status()).isEqualTo(allowed ? 200 : 403);
    assertThat(last().reason()).isEqualTo(allowed ? "authorized" : "denied-by-policy");
    assertThat(last().rego().getFirst().outcome()).isEqualTo(RegoProof.code(outcome));
  }

  @Test
  void aDenialThatIsNotUnderstoodHoldsForAll() throws Exception {
    set(denying().clearSignetRegoAuthentications());
    answer(NO);
    assertThat(get("/").status()).isEqualTo(403);
    assertThat(last().reason()).isEqualTo("denied-by-policy");
    assertThat(asked).isEmpty();
  }

  @Test
  void aPortThatIsNotReadAsHttpHasNoAnswers() throws Exception {
    ProxyProtocol opaque =
        ProxyProtocol.newBuilder().setOpaque(ProxyProtocol.Opaque.getDefaultInstance()).build();
    set(closed().setProtocol(opaque));
    Client stranger = new Client(InetAddress.getLoopbackAddress(), false, null);
    Decision granted = Objects.requireNonNull(proxy.policy.current()).decideConnection(stranger);
    assertThat(granted.allowed()).isFalse();
    assertThat(granted.detail()).contains("not read as HTTP");
    set(denying().setProtocol(opaque));
    Decision denied = Objects.requireNonNull(proxy.policy.current()).decideConnection(stranger);
    assertThat(denied.allowed()).isFalse();
  }

  // ---- waiting

  /** Yes to paths that begin with {@code /yes}, once the latch is open. */
  private void answerLater(CountDownLatch open) {
    proxy.rego =
        (authentication, input, now) -> {
          asked.add(new Asked(authentication.name(), input));
          try {
            open.await();
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
          }
          return input.request().path().startsWith("/yes") ? YES : NO;
        };
  }

  private Asked nextAsked() throws InterruptedException {
    return Objects.requireNonNull(asked.poll(10, TimeUnit.SECONDS));
  }

  @Test
  void pipelinedRequestsAreAnsweredInTheirOrder() throws Exception {
    set(closed());
    CountDownLatch open = new CountDownLatch(1);
    answerLater(open);
    StringBuilder requests = new StringBuilder();
    for (int i = 0; i < 8; i++) {
      String path = i % 3 == 0 ? "/no" : "/yes" + i;
      requests.append("GET ").append(path).append(" HTTP/1.1\r\nhost: web\r\n\r\n");
    }
    client.send(requests.toString());
    nextAsked();
    assertThat(app.requests).isEmpty();
    open.countDown();
    for (int i = 0; i < 8; i++) {
      Http1Client.Message answer = client.response();
      assertThat(answer.status()).isEqualTo(i % 3 == 0 ? 403 : 200);
      if (i % 3 != 0) {
        assertThat(answer.body()).isEqualTo("/yes" + i);
      }
    }
  }

  @Test
  void aBodyWaitsForTheAnswer() throws Exception {
    set(closed());
    CountDownLatch open = new CountDownLatch(1);
    answerLater(open);
    String body = "0123456789".repeat(5_000);
    client.send(
        "POST /yes HTTP/1.1\r\nhost: web\r\ncontent-length: " + body.length() + "\r\n\r\n" + body);
    nextAsked();
    assertThat(app.requests).isEmpty();
    open.countDown();
    assertThat(client.response().status()).isEqualTo(200);
    assertThat(app.request().body()).isEqualTo(body);
  }

  @Test
  void withoutRoomTheRequestIsRefusedForTheMoment() throws Exception {
    set(closed());
    answer(YES);
    proxy.closeRego();
    assertThat(get("/").status()).isEqualTo(503);
    assertThat(last().reason()).isEqualTo("overload");
    assertThat(asked).isEmpty();
  }

  @Test
  void aRequestThatWaitsIsDecidedUnderThePolicyThatThenIsInForce() throws Exception {
    set(closed());
    CountDownLatch open = new CountDownLatch(1);
    answerLater(open);
    client.send("GET /no HTTP/1.1\r\nhost: web\r\n\r\n");
    nextAsked();
    set(server(http()).addAuthorizations(anybody("everyone")));
    open.countDown();
    assertThat(client.response().status()).isEqualTo(200);
    assertThat(last().authorization()).contains("everyone");
  }

  @Test
  void aRequestUnderWayIsAskedAgainWhenTheBundleChangesAndOnlyThen() throws Exception {
    try (Http1Application slow =
            new Http1Application(
                (connection, application) -> {
                  application.requests.add(connection.request());
                  connection.send("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n01234");
                  connection.rest();
                });
        ProxyFixture other = new ProxyFixture(IoTransport.select(null), slow.port());
        Http1Client reader = new Http1Client(other.inbound(null))) {
      other.rego =
          (authentication, input, now) -> {
            asked.add(new Asked(authentication.name(), input));
            return YES;
          };
      other.policy.set(compiler.compile(closed().build()));
      reader.send("GET /a?b=c HTTP/1.1\r\nhost: web\r\nx-role: admin\r\n\r\n");
      slow.request();
      assertThat(reader.exactly(5)).isNotEmpty();
      RegoInput first = nextAsked().input();
      // A change elsewhere.
      other.policy.set(
          compiler.compile(closed().addSignetDenials(identities("nobody", "a.b")).build()));
      try (Http1Client second = new Http1Client(other.inbound(null))) {
        // All that was asked because of the change comes before this one.
        second.send("GET /second HTTP/1.1\r\nhost: web\r\n\r\n");
        assertThat(nextAsked().input().request().path()).isEqualTo("/second");
      }
      Server.Builder updated =
          closed().clearSignetRegoAuthentications().addSignetRegoAuthentications(hours(2));
      other.policy.set(compiler.compile(updated.build()));
      RegoInput again = nextAsked().input();
      while (!again.request().path().equals("/a")) {
        again = nextAsked().input();
      }
      assertThat(again).isEqualTo(first);
      other.rego = (authentication, input, now) -> NO;
      other.policy.set(
          compiler.compile(
              closed()
                  .clearSignetRegoAuthentications()
                  .addSignetRegoAuthentications(hours(3))
                  .build()));
      assertThat(reader.ended() || reader.endedByReset()).isTrue();
      assertThat(other.decisions.getLast().reason()).isEqualTo("rego-denied");
    }
  }

  // ---- dry run

  @Test
  void nobodyWaitsForADryRunAndItsVerdictIsOnRecordLater() throws Exception {
    set(
        server(http())
            .addAuthorizations(anybody("everyone"))
            .setSignetTrial(closed().clearSignetGeneration()));
    CountDownLatch open = new CountDownLatch(1);
    answerLater(open);
    assertThat(get("/no").status()).isEqualTo(200);
    nextAsked();
    assertThat(proxy.decisions).isEmpty();
    open.countDown();
    assertThat(get("/yes").status()).isEqualTo(200);
    nextAsked();
    while (proxy.decisions.size() < 2) {
      Thread.onSpinWait();
    }
    for (DecisionEvent event : proxy.decisions) {
      assertThat(event.reason()).isEqualTo("authorized");
      assertThat(event.rego()).isEmpty();
      assertThat(Objects.requireNonNull(event.trial()).reason())
          .isEqualTo(Objects.equals(event.path(), "/yes") ? "authorized" : "rego-denied");
    }
  }

  @Test
  void aDryRunAsksNothingThatIsAnsweredAlready() throws Exception {
    set(
        closed()
            .setSignetTrial(
                closed().addSignetDenials(identities("none", "a.b")).clearSignetGeneration()));
    answer(YES);
    assertThat(get("/").status()).isEqualTo(200);
    assertThat(Objects.requireNonNull(last().trial()).reason()).isEqualTo("authorized");
    assertThat(asked).hasSize(1);
  }

  @Test
  void aDryRunWithoutRoomIsNotAnswered() throws Exception {
    set(
        server(http())
            .addAuthorizations(anybody("everyone"))
            .setSignetTrial(closed().clearSignetGeneration()));
    answer(YES);
    proxy.closeRego();
    assertThat(get("/").status()).isEqualTo(200);
    assertThat(Objects.requireNonNull(last().trial()).reason()).isEqualTo("rego-failed");
    assertThat(Objects.requireNonNull(last().trial()).detail()).contains("not_asked");
  }

  // ---- metrics

  @Test
  void answersAreCountedByAuthenticationAndOutcome() throws Exception {
    set(closed());
    answer(YES);
    get("/");
    answer(new RegoAnswer(Outcome.OUT_OF_TIME, null));
    get("/");
    assertThat(proxy.scrape())
        .contains(
            "signet_inbound_rego_answers_total{authentication=\"shop/hours\",outcome=\"allow\"} 1",
            "signet_inbound_rego_answers_total"
                + "{authentication=\"shop/hours\",outcome=\"out_of_time\"} 1",
            "signet_inbound_rego_answer_seconds_count{authentication=\"shop/hours\"} 2",
            "signet_inbound_rego_waiting 0",
            "signet_inbound_rego_shed_total 0");
  }

  // ---- other protocols

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void http2AndGrpcAreToldInTheirOwnTerms(boolean isGrpc) throws Exception {
    try (var service = Http2Peer.echoingPaths();
        var rpc = new ProxyFixture(IoTransport.select(null), service.port());
        var peer = Http2Peer.client(rpc.inbound(ProxyFixture.IDENTITY))) {
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
                  .addAuthorizations(asking(identities("by-day", ProxyFixture.IDENTITY)))
                  .addSignetRegoAuthentications(hours(1))
                  .build()));
      rpc.rego =
          (authentication, input, now) ->
              input.client().identity().filter(ProxyFixture.IDENTITY::equals).isPresent()
                      && input.request().fields().contains(new RegoInput.Field("x-day", "yes"))
                  ? YES
                  : NO;
      Http2Peer.Message refused = call(peer, isGrpc, null);
      assertThat(refused.status()).isEqualTo(isGrpc ? 200 : 403);
      assertThat(refused.header("grpc-status")).isEqualTo(isGrpc ? "7" : null);
      assertThat(call(peer, isGrpc, "yes").header("x-path")).isEqualTo("/shop.Greeter/Greet");
    }
  }

  private static Http2Peer.Message call(Http2Peer peer, boolean isGrpc, @Nullable String day)
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
    if (day != null) {
      head.add("x-day", day);
    }
    return peer.open(head, true).rest();
  }

  @Test
  void theSameAuthenticationInTheNextMessageStaysTheSame() throws Exception {
    proxy.rego =
        (authentication, input, now) -> {
          same.add(authentication);
          return YES;
        };
    for (int i = 0; i < 2; i++) {
      set(closed().setSignetGeneration(i + 1));
      assertThat(get("/").status()).isEqualTo(200);
    }
    assertThat(same).hasSize(2);
    assertThat(same.peek()).isSameAs(same.toArray()[1]);
  }

  private final BlockingQueue<RegoAuthentication> same = new LinkedBlockingQueue<>();
}

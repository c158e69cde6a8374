package io.signetmesh.proxy.http;

import static io.signetmesh.proxy.http.PolicyMessages.anybody;
import static io.signetmesh.proxy.http.PolicyMessages.detect;
import static io.signetmesh.proxy.http.PolicyMessages.prefix;
import static io.signetmesh.proxy.http.PolicyMessages.server;
import static org.assertj.core.api.Assertions.assertThat;

import io.linkerd.proxy.inbound.Authz;
import io.linkerd.proxy.inbound.Server;
import io.signetmesh.audit.Verdict;
import io.signetmesh.proxy.authorize.compile.PolicyCompiler;
import io.signetmesh.proxy.loop.IoTransport;
import io.signetmesh.proxy.token.TestIssuer;
import io.signetmesh.rego.RegoAnswer;
import io.signetmesh.rego.RegoAnswer.Outcome;
import io.signetmesh.rego.RegoInput;
import io.signetmesh.v1.RegoAuthentication;
import io.signetmesh.v1.RegoBundle;
import io.signetmesh.v1.TokenLocation;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What becomes of requests in flight when a policy with bundles changes. */
class InboundRegoInFlightTest {
  private static final RegoAnswer YES = new RegoAnswer(Outcome.ALLOW, null);
  private static final RegoAnswer NO = new RegoAnswer(Outcome.DENY, null);

  private final PolicyCompiler compiler = new PolicyCompiler(false, () -> 0);
  private final BlockingQueue<RegoInput> asked = new LinkedBlockingQueue<>();
  private final CountDownLatch open = new CountDownLatch(1);
  private Http1Application app;
  private ProxyFixture proxy;
  private Http1Client client;

  @BeforeEach
  void start() throws Exception {
    app =
        new Http1Application(
            (connection, application) -> {
              application.requests.add(connection.request());
              connection.send("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n01234");
              connection.rest();
            });
    proxy = new ProxyFixture(IoTransport.select(null), app.port());
    client = new Http1Client(proxy.inbound(null));
    proxy.rego =
        (authentication, input, now) -> {
          asked.add(input);
          return YES;
        };
  }

  @AfterEach
  void stop() throws Exception {
    open.countDown();
    client.close();
    proxy.close();
    app.close();
  }

  private void set(Server.Builder message) throws Exception {
    proxy.policy.set(compiler.compile(message.build()));
  }

  private static Authz asking(String name) {
    return anybody(name).toBuilder().addSignetRego("shop/hours").build();
  }

  private static Server.Builder open() {
    return server(detect(prefix("all", "/")));
  }

  /** Everything needs the yes of the bundle, which changes with a version. */
  private static Server.Builder closed(int version) {
    return open()
        .addAuthorizations(asking("by-day"))
        .addSignetRegoAuthentications(
            RegoAuthentication.newBuilder()
                .setName("shop/hours")
                .setEntrypoint("mesh/allow")
                .setBundle(RegoBundle.newBuilder().setUnavailable("none for tests, " + version)));
  }

  /** A request is in flight, and waits for the answer of a changed bundle. */
  private void beginAndWait() throws Exception {
    set(closed(1));
    client.send("GET /a HTTP/1.1\r\nhost: web\r\n\r\n");
    assertThat(client.exactly(5)).isNotEmpty();
    nextAsked();
    proxy.rego =
        (authentication, input, now) -> {
          asked.add(input);
          try {
            open.await();
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
          }
          return YES;
        };
    set(closed(2));
    nextAsked();
  }

  private RegoInput nextAsked() throws InterruptedException {
    RegoInput input = asked.poll(10, TimeUnit.SECONDS);
    assertThat(input).isNotNull();
    return input;
  }

  private void assertCut(String reason) throws Exception {
    assertThat(client.ended() || client.endedByReset()).isTrue();
    assertThat(proxy.decisions.getLast().reason()).isEqualTo(reason);
  }

  @Test
  void aDenialThatNeedsNoProofIsNotKeptWaitingByABundle() throws Exception {
    beginAndWait();
    set(closed(2).addSignetDenials(anybody("nobody")));
    assertCut("denied-by-policy");
  }

  @Test
  void aGrantThatIsWithdrawnIsNotKeptWaitingByABundle() throws Exception {
    beginAndWait();
    set(open());
    assertCut("no-authorization");
  }

  @Test
  void aRequestThatHasNothingToProveAnyMoreGoesOn() throws Exception {
    beginAndWait();
    set(open().addAuthorizations(anybody("everyone")));
    open.countDown();
    set(open());
    assertCut("no-authorization");
  }

  @Test
  void aRequestOfWhichNobodyCanTellIsCutInTime() throws Exception {
    long begin = System.nanoTime();
    beginAndWait();
    assertCut("overload");
    assertThat(Duration.ofNanos(System.nanoTime() - begin))
        .isBetween(ProofTurns.MAX_SILENCE.minusMillis(100), ProofTurns.MAX_SILENCE.plusSeconds(5));
  }

  @Test
  void aRequestOfWhichThereIsNoRoomToAskIsCutInTime() throws Exception {
    set(closed(1));
    client.send("GET /a HTTP/1.1\r\nhost: web\r\n\r\n");
    assertThat(client.exactly(5)).isNotEmpty();
    proxy.closeRego();
    long begin = System.nanoTime();
    set(closed(2));
    assertCut("overload");
    assertThat(Duration.ofNanos(System.nanoTime() - begin))
        .isLessThan(ProofTurns.MAX_SILENCE.plusSeconds(5));
  }

  /** One after the other takes longer than one of them may be without an answer. */
  @Test
  @Timeout(60)
  void manyRequestsOfOneClientTakeTurnsAndNoneIsCutForLackOfPlaces() throws Exception {
    set(closed(1));
    List<Http1Client> clients = new ArrayList<>();
    try {
      int many = 4 * ProofTurns.PLACES;
      for (int i = 0; i < many; i++) {
        Http1Client one = new Http1Client(proxy.inbound(null));
        clients.add(one);
        one.send("GET /" + i + " HTTP/1.1\r\nhost: web\r\n\r\n");
        assertThat(one.exactly(5)).isNotEmpty();
        nextAsked();
      }
      AtomicInteger running = new AtomicInteger();
      long cost = ProofTurns.MAX_SILENCE.toNanos() * 5 / 4 / many;
      proxy.rego =
          (authentication, input, now) -> {
            running.incrementAndGet();
            for (long begin = System.nanoTime(); System.nanoTime() - begin < cost; ) {
              LockSupport.parkNanos(cost / 10);
            }
            asked.add(input);
            return input.request().path().equals("/100") ? NO : YES;
          };
      set(closed(2));
      for (int i = 0; i < many; i++) {
        nextAsked();
      }
      assertThat(running).hasValue(many);
      Http1Client revoked = clients.get(100);
      assertThat(revoked.ended() || revoked.endedByReset()).isTrue();
      assertThat(proxy.decisions.getLast().reason()).isEqualTo("rego-denied");
      // The others are in flight as before: a withdrawn grant finds them.
      long before = proxy.decisions.stream().filter(one -> one.verdict() == Verdict.DENY).count();
      assertThat(before).isEqualTo(1);
      set(open());
      for (Http1Client one : clients) {
        assertThat(one.ended() || one.endedByReset()).isTrue();
      }
    } finally {
      for (Http1Client one : clients) {
        one.close();
      }
    }
  }

  @Test
  void bundlesGetNoTokensOfThePortOrItsDryRun() throws Exception {
    TestIssuer users = new TestIssuer("shop/users", "key-1");
    TestIssuer others = new TestIssuer("shop/others", "key-2");
    set(
        closed(1)
            .addSignetJwtAuthentications(
                users
                    .authentication()
                    .addLocations(
                        TokenLocation.newBuilder()
                            .setHeader(TokenLocation.Header.newBuilder().setName("x-token")))
                    .addLocations(TokenLocation.newBuilder().setQueryParameter("token")))
            .setSignetTrial(
                closed(1)
                    .addSignetJwtAuthentications(
                        others
                            .authentication()
                            .clearLocations()
                            .addLocations(
                                TokenLocation.newBuilder()
                                    .setHeader(
                                        TokenLocation.Header.newBuilder().setName("x-tried"))))
                    .clearSignetGeneration()));
    client.send(
        "GET /a?token=t&b=c HTTP/1.1\r\nhost: web\r\nx_token: t\r\nx-tried: t\r\nx-day: 1\r\n\r\n");
    assertThat(client.exactly(5)).isNotEmpty();
    RegoInput.Head head = nextAsked().request();
    assertThat(head.query()).isEqualTo("b=c");
    assertThat(head.fields()).containsExactly(new RegoInput.Field("x-day", "1"));
  }
}

package io.signetmesh.proxy.rego;

import static org.assertj.core.api.Assertions.assertThat;

import io.signetmesh.jwt.TokenAuthentication;
import io.signetmesh.jwt.TokenFailure;
import io.signetmesh.jwt.TokenLocation;
import io.signetmesh.proxy.authorize.Client;
import io.signetmesh.proxy.authorize.RegoProof;
import io.signetmesh.proxy.authorize.RegoQuestion;
import io.signetmesh.proxy.authorize.RequestProofs;
import io.signetmesh.proxy.authorize.ResourceRef;
import io.signetmesh.proxy.authorize.TokenProof;
import io.signetmesh.proxy.authorize.TokenProofs;
import io.signetmesh.proxy.metrics.registry.MetricsRegistry;
import io.signetmesh.proxy.token.TestIssuer;
import io.signetmesh.proxy.worker.FairWorkers;
import io.signetmesh.rego.RegoAnswer;
import io.signetmesh.rego.RegoAnswer.Outcome;
import io.signetmesh.rego.RegoAuthentication;
import io.signetmesh.rego.RegoInput;
import io.signetmesh.v1.RegoBundle;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class RegoChecksTest {
  private static final Client CLIENT =
      new Client(InetAddress.getLoopbackAddress(), true, "web.shop.test");
  private static final ResourceRef SERVER = new ResourceRef("policy.linkerd.io", "server", "web");
  private static final RegoAnswer YES = new RegoAnswer(Outcome.ALLOW, null);

  private final FairWorkers workers = new FairWorkers("rego", 1);
  private final FairWorkers trials = new FairWorkers("rego-dry-run", 1);
  private final AtomicLong nanos = new AtomicLong();
  private final List<RegoInput> inputs = new CopyOnWriteArrayList<>();
  private final CountDownLatch open = new CountDownLatch(1);
  private volatile RegoChecks.Asker asker = (authentication, input, now) -> YES;
  private final RegoChecks checks =
      new RegoChecks(
          workers,
          trials,
          new RegoMetrics(new MetricsRegistry(Duration.ofMinutes(1))),
          (authentication, input, now) -> {
            inputs.add(input);
            return asker.ask(authentication, input, now);
          },
          nanos::get);

  @AfterEach
  void stop() {
    open.countDown();
    checks.close();
    workers.close();
    trials.close();
  }

  private static RegoQuestion question(String name, TokenAuthentication... tokens)
      throws Exception {
    return new RegoQuestion(
        RegoAuthentication.compile(
            io.signetmesh.v1.RegoAuthentication.newBuilder()
                .setName(name)
                .setEntrypoint("mesh/allow")
                .setBundle(RegoBundle.newBuilder().setUnavailable("none for tests"))
                .build()),
        List.of(tokens),
        SERVER);
  }

  /** All of these, one after the other. */
  private static Function<Client, @Nullable RegoQuestion> all(RegoQuestion... questions) {
    return client -> {
      for (RegoQuestion question : questions) {
        if (Objects.requireNonNull(client.proofs()).rego(question) == null) {
          return question;
        }
      }
      return null;
    };
  }

  private static RegoRequest request(int port, RegoRequest.Claims claims, int bytes) {
    return new RegoRequest(
        40_000,
        port,
        new RegoInput.Head("GET", "http", "web", "/", "", List.of()),
        claims,
        7_000,
        bytes);
  }

  private static RegoRequest request(int port) {
    return request(port, RegoRequest.Claims.NONE, 100);
  }

  private boolean ask(
      RegoRequest request,
      Client client,
      Function<Client, @Nullable RegoQuestion> next,
      Consumer<@Nullable RequestProofs> answer) {
    return checks.ask(request, client, RegoChecks.Waiter.NEW, next, answer);
  }

  /** Keeps a thread until the test lets go. */
  private void holdWorkers() {
    asker =
        (authentication, input, now) -> {
          try {
            open.await();
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
          }
          return YES;
        };
  }

  private void awaitInputs(int count) {
    while (inputs.size() < count) {
      Thread.onSpinWait();
    }
  }

  @Test
  void tellsAllNamesOfTheCertificate() throws Exception {
    Client client = Client.ofMeshTls(CLIENT.address(), List.of("a.test", "spiffe://b", "c.test"));
    checks.answer(request(80), client, all(question("shop/a")));
    assertThat(inputs.getFirst().client().identities())
        .containsExactly("a.test", "spiffe://b", "c.test");
  }

  @Test
  void asksOneAfterTheOtherAtTheTimeOfTheRequest() throws Exception {
    List<Instant> times = new ArrayList<>();
    asker =
        (authentication, input, now) -> {
          times.add(now);
          return new RegoAnswer(Outcome.DENY, authentication.name());
        };
    RequestProofs proofs =
        checks.answer(request(80), CLIENT, all(question("shop/a"), question("shop/b")));
    assertThat(proofs.rego())
        .extracting(RegoProof::text)
        .containsExactly("deny, shop/a", "deny, shop/b");
    assertThat(times).containsOnly(Instant.ofEpochMilli(7_000));
    RegoInput input = inputs.getFirst();
    assertThat(input.client().identity()).contains("web.shop.test");
    assertThat(input.client().port()).isEqualTo(40_000);
    assertThat(input.server().port()).isEqualTo(80);
    assertThat(input.server().labels())
        .containsEntry("group", "policy.linkerd.io")
        .containsEntry("kind", "server")
        .containsEntry("name", "web");
  }

  @Test
  void aBundleGetsTheClaimsOfTokensThatPassAndOfNoOthers() throws Exception {
    TestIssuer issuer = new TestIssuer("shop/users", "key");
    TokenAuthentication users = TokenAuthentication.compile(issuer.authentication().build());
    TokenAuthentication others =
        TokenAuthentication.compile(issuer.authentication().setName("shop/others").build());
    TokenAuthentication failed =
        TokenAuthentication.compile(issuer.authentication().setName("shop/failed").build());
    TokenProof passed =
        TokenProof.of(
            users.verify(issuer.token("alice").getBytes(StandardCharsets.US_ASCII)),
            System.currentTimeMillis());
    assertThat(passed.passes()).isTrue();
    Client client =
        CLIENT.with(
            new TokenProofs(
                List.of(users, others, failed),
                List.of(passed, passed, TokenProof.refused(TokenFailure.MULTIPLE_TOKENS)),
                3,
                7_000));
    checks.answer(
        request(80, authentication -> "{\"of\":\"" + authentication.name() + "\"}", 0),
        client,
        all(question("shop/a", users, failed)));
    assertThat(inputs.getFirst().tokens())
        .containsOnlyKeys("shop/users")
        .containsEntry("shop/users", "{\"of\":\"shop/users\"}");
  }

  @Test
  void afterTheTimeOfARequestNoFurtherBundleIsAsked() throws Exception {
    asker =
        (authentication, input, now) -> {
          nanos.addAndGet(Duration.ofMillis(1_500).toNanos());
          return YES;
        };
    RequestProofs proofs =
        checks.answer(
            request(80),
            CLIENT,
            all(question("shop/a"), question("shop/b"), question("shop/c"), question("shop/d")));
    assertThat(inputs).hasSize(2);
    assertThat(proofs.rego())
        .extracting(RegoProof::code)
        .containsExactly("allow", "allow", "out_of_time", "out_of_time");
  }

  @Test
  void aPortWaitsForATurnOfAnotherAndNotForAllOfItsClients() throws Exception {
    holdWorkers();
    List<Integer> order = new CopyOnWriteArrayList<>();
    CountDownLatch done = new CountDownLatch(21);
    for (int i = 0; i < 20; i++) {
      Client client =
          new Client(InetAddress.getLoopbackAddress(), true, "client-" + i + ".shop.test");
      assertThat(
              ask(
                  request(80),
                  client,
                  all(question("shop/slow")),
                  answer -> {
                    order.add(80);
                    done.countDown();
                  }))
          .isTrue();
    }
    awaitInputs(1);
    ask(
        request(81),
        CLIENT,
        all(question("shop/fast")),
        answer -> {
          order.add(81);
          done.countDown();
        });
    open.countDown();
    assertThat(done.await(10, TimeUnit.SECONDS)).isTrue();
    assertThat(order.indexOf(81)).isLessThanOrEqualTo(2);
  }

  @Test
  void whatWaitsOfAClientIsCountedInBytes() throws Exception {
    holdWorkers();
    ask(request(80), CLIENT, all(question("shop/a")), answer -> {});
    awaitInputs(1);
    int share = (int) (FairWorkers.LANE_BYTES / FairWorkers.SHARE);
    RegoRequest large = request(80, RegoRequest.Claims.NONE, share);
    assertThat(ask(large, CLIENT, all(question("shop/a")), answer -> {})).isTrue();
    assertThat(ask(request(80), CLIENT, all(question("shop/a")), answer -> {})).isFalse();
    // Another port has another lane.
    assertThat(ask(request(81), CLIENT, all(question("shop/a")), answer -> {})).isTrue();
  }

  @Test
  void dryRunsAreLeftOutWhenManyWaitAndTakeNoTurnOfOthers() throws Exception {
    holdWorkers();
    int taken = 0;
    while (checks.askForTrial(request(80), CLIENT, all(question("shop/a")), answer -> {})) {
      taken++;
    }
    assertThat(taken).isBetween(64, 66);
    awaitInputs(1);
    asker = (authentication, input, now) -> YES;
    CountDownLatch answered = new CountDownLatch(1);
    ask(request(80), CLIENT, all(question("shop/b")), answer -> answered.countDown());
    assertThat(answered.await(10, TimeUnit.SECONDS)).isTrue();
  }

  @Test
  void whatWaitsWhenItClosesHasNoAnswer() throws Exception {
    holdWorkers();
    ask(request(80), CLIENT, all(question("shop/a")), answer -> {});
    awaitInputs(1);
    List<Boolean> answers = new CopyOnWriteArrayList<>();
    ask(request(80), CLIENT, all(question("shop/a")), answer -> answers.add(answer == null));
    checks.close();
    assertThat(answers).containsExactly(true);
    assertThat(ask(request(80), CLIENT, all(question("shop/a")), answer -> {})).isFalse();
  }

  @Test
  void requestsInFlightComeFirstAndHaveRoomOfTheirOwn() throws Exception {
    holdWorkers();
    ask(request(80), CLIENT, all(question("shop/a")), answer -> {});
    awaitInputs(1);
    List<String> order = new CopyOnWriteArrayList<>();
    CountDownLatch done = new CountDownLatch(FairWorkers.LANE_ITEMS / FairWorkers.SHARE + 1);
    while (ask(
        request(80),
        CLIENT,
        all(question("shop/a")),
        answer -> {
          order.add("new");
          done.countDown();
        })) {
      // Until the client has its share.
    }
    boolean taken =
        checks.ask(
            request(80),
            CLIENT,
            new RegoChecks.Waiter(true, () -> false),
            all(question("shop/a")),
            answer -> {
              order.add("in flight");
              done.countDown();
            });
    assertThat(taken).isTrue();
    open.countDown();
    assertThat(done.await(10, TimeUnit.SECONDS)).isTrue();
    assertThat(order.getFirst()).isEqualTo("in flight");
  }

  @Test
  void nothingIsAskedAboutARequestThatIsOver() throws Exception {
    holdWorkers();
    ask(request(80), CLIENT, all(question("shop/a")), answer -> {});
    awaitInputs(1);
    CountDownLatch done = new CountDownLatch(2);
    checks.ask(
        request(80),
        CLIENT,
        new RegoChecks.Waiter(false, () -> true),
        all(question("shop/b")),
        answer -> done.countDown());
    ask(request(81), CLIENT, all(question("shop/c")), answer -> done.countDown());
    open.countDown();
    assertThat(done.await(10, TimeUnit.SECONDS)).isTrue();
    assertThat(inputs).extracting(input -> input.server().port()).containsExactly(80, 81);
  }

  @Test
  void tokensAreLeftOutWhereverTheyMayBe() {
    RegoInput.Head head =
        new RegoInput.Head(
            "GET",
            "http",
            "web",
            "/a",
            "a=1&access%5Ftoken=s&b=2",
            List.of(
                new RegoInput.Field("x-token", "s"),
                new RegoInput.Field("x_token", "s"),
                new RegoInput.Field("proxy_authorization", "s"),
                new RegoInput.Field("x-role", "admin")));
    RegoInput.Head left =
        SecretFields.without(
            head,
            List.of(
                new TokenLocation.Header("x-token", ""),
                new TokenLocation.QueryParameter("access_token")));
    assertThat(left)
        .isEqualTo(
            new RegoInput.Head(
                "GET",
                "http",
                "web",
                "/a",
                "a=1&b=2",
                List.of(new RegoInput.Field("x-role", "admin"))));
    assertThat(
            SecretFields.without(left, List.of(new TokenLocation.QueryParameter("none"))).query())
        .isEqualTo("a=1&b=2");
  }
}

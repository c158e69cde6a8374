package io.signetmesh.proxy.authorize.compile;

import static org.assertj.core.api.Assertions.assertThat;

import io.linkerd.proxy.inbound.Server;
import io.signetmesh.path.RequestPath;
import io.signetmesh.proxy.authorize.Client;
import io.signetmesh.proxy.authorize.Decision;
import io.signetmesh.proxy.authorize.Explanation;
import io.signetmesh.proxy.authorize.Reason;
import io.signetmesh.proxy.authorize.ResourceRef;
import io.signetmesh.proxy.authorize.Route;
import io.signetmesh.proxy.authorize.ServerPolicy;
import io.signetmesh.proxy.authorize.compile.RandomPolicies.Request;
import io.signetmesh.proxy.authorize.compile.ReferencePolicy.Verdict;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.ShrinkingMode;
import net.jqwik.api.statistics.Statistics;
import org.jspecify.annotations.Nullable;

/**
 * The engine decides, tries and explains as a word-by-word reading of the message does. Each run
 * makes 6,000 policies and 120,000 decisions on requests, and as many on connections.
 */
class DecisionProperties {
  private static final int REQUESTS = 20;

  @Property(tries = 6_000, shrinking = ShrinkingMode.OFF)
  void engineDecidesLikeAReading(@ForAll long seed) throws Exception {
    Random random = new Random(seed);
    RandomPolicies policies = new RandomPolicies(random);
    boolean localhost = random.nextInt(3) == 0;
    Server message = policies.server(9);
    PolicyCompiler compiler = new PolicyCompiler(localhost, () -> 0);
    ServerPolicy policy = compiler.compile(message);
    assertThat(policy.invalidity()).isNull();
    ReferencePolicy enforced = new ReferencePolicy(message, localhost, true);
    ReferencePolicy tried =
        new ReferencePolicy(
            message.hasSignetTrial() ? message.getSignetTrial() : message, localhost, false);
    ServerPolicy alone =
        compiler.compile(withoutAudit(message.getSignetTrial()).setSignetGeneration(9).build());
    assertThat(policy.matchesPaths()).isEqualTo(enforced.matchesPaths());

    for (int i = 0; i < REQUESTS; i++) {
      Client connected = policies.client();
      Client client = connected.with(policies.proofs());
      Request sent = policies.request();
      Request request = policy.matchesPaths() ? normal(sent) : sent;
      if (request == null) {
        // Refused before it comes to the engine.
        continue;
      }

      Decision connection = policy.decideConnection(connected);
      assertThat(verdict(connection)).isEqualTo(enforced.connection(connected));
      assertThat(connection.generation()).isEqualTo(9);
      Verdict expected = enforced.request(client, request);
      Decision decision = decide(policy, client, request);
      assertVerdict(decision, expected, request, message);

      Decision trial = policy.trialRequest(client, request);
      Decision trialConnection = policy.trialConnection(connected);
      if (message.hasSignetTrial()) {
        Request judged = alone.matchesPaths() && tried.readsHttp() ? normal(request) : request;
        if (judged == null) {
          assertThat(verdict(trial)).isEqualTo(new Verdict(false, Reason.UNSAFE_PATH, null));
        } else {
          assertVerdict(trial, tried.request(client, judged), judged, message.getSignetTrial());
          assertThat(trial).isEqualTo(decide(alone, client, judged));
        }
        assertThat(verdict(trialConnection)).isEqualTo(tried.connection(connected));
        assertThat(trialConnection).isEqualTo(alone.decideConnection(connected));
      } else {
        assertThat(trial == null).isEqualTo(decision.reason() != Reason.AUDITED);
        if (trial != null) {
          assertThat(verdict(trial)).isEqualTo(tried.request(client, request));
        }
      }

      Explanation explanation = policy.explain(client, request);
      assertExplains(explanation, decision);
      assertExplains(policy.explain(connected, null), connection);
      assertThat(explanation.trial() == null).isEqualTo(trial == null);
      if (explanation.trial() != null) {
        assertExplains(explanation.trial(), Objects.requireNonNull(trial));
      }
      if (policy.route(request) != null && enforced.readsHttp()) {
        assertRouteExplained(explanation);
      }

      Statistics.label("verdict").collect(expected.reason());
      Statistics.label("trial")
          .collect(
              trial == null ? "none" : trial.allowed() == decision.allowed() ? "same" : "other");
    }
    Statistics.label("verdict")
        .coverage(
            coverage -> {
              for (Reason reason :
                  List.of(
                      Reason.AUTHORIZED,
                      Reason.AUDITED,
                      Reason.DENIED_BY_POLICY,
                      Reason.IDENTITY_MISMATCH,
                      Reason.IDENTITY_REQUIRED,
                      Reason.NETWORK_MISMATCH,
                      Reason.TLS_REQUIRED,
                      Reason.TOKEN_REQUIRED,
                      Reason.TOKEN_INVALID,
                      Reason.NO_AUTHORIZATION,
                      Reason.NO_ROUTE)) {
                coverage.check(reason).percentage(percent -> percent > 0.3);
              }
              coverage.check(Reason.AUTHORIZED).percentage(percent -> percent > 15);
              coverage.check(Reason.CLAIM_MISMATCH).percentage(percent -> percent > 0.1);
              coverage.check(Reason.UNSAFE_PATH).percentage(percent -> percent > 0.03);
            });
    Statistics.label("trial")
        .coverage(
            coverage -> {
              coverage.check("same").percentage(percent -> percent > 15);
              coverage.check("other").percentage(percent -> percent > 10);
            });
  }

  private static void assertVerdict(
      @Nullable Decision decision, Verdict expected, Request request, Server message) {
    assertThat(verdict(decision))
        .withFailMessage(
            () -> "%s, expected %s: %s of %s".formatted(decision, expected, request, message))
        .isEqualTo(expected);
  }

  private static Server.Builder withoutAudit(Server message) {
    Server.Builder server = message.toBuilder().clearAuthorizations();
    message.getAuthorizationsList().stream()
        .filter(authz -> !ReferencePolicy.name(authz.getMetadata()).equals("audit"))
        .forEach(server::addAuthorizations);
    return server;
  }

  private static @Nullable Request normal(Request request) {
    CharSequence normal = RequestPath.normalize(request.path());
    return normal == null
        ? null
        : new Request(request.method(), normal.toString(), request.authority(), request.headers());
  }

  /** As the proxy does. */
  private static Decision decide(ServerPolicy policy, Client client, Request request) {
    if (policy.protocol() == ServerPolicy.Protocol.OPAQUE) {
      return policy.decideConnection(client);
    }
    Route route = policy.route(request);
    return route == null
        ? policy.explain(client, request).decision()
        : policy.decideRequest(client, route);
  }

  private static @Nullable Verdict verdict(@Nullable Decision decision) {
    if (decision == null) {
      return null;
    }
    assertThat(decision.mode() == Decision.Mode.AUDIT)
        .isEqualTo(decision.reason() == Reason.AUDITED);
    return new Verdict(
        decision.allowed(),
        decision.reason(),
        decision.authorization() == null ? null : decision.authorization().name());
  }

  private static void assertExplains(Explanation explanation, Decision decision) {
    assertThat(explanation.decision()).isEqualTo(decision);
    List<ResourceRef> decisive =
        explanation.rules().stream()
            .filter(Explanation.Rule::decisive)
            .map(Explanation.Rule::ref)
            .toList();
    boolean byRule =
        decision.reason() == Reason.AUTHORIZED
            || decision.reason() == Reason.AUDITED
            || decision.reason() == Reason.DENIED_BY_POLICY;
    assertThat(decisive)
        .isEqualTo(byRule ? List.of(Objects.requireNonNull(decision.authorization())) : List.of());
    if (!byRule) {
      assertThat(explanation.rules()).noneMatch(Explanation.Rule::matched);
    }
    for (Explanation.Rule rule : explanation.rules()) {
      assertThat(rule.matched())
          .isEqualTo(rule.conditions().stream().allMatch(Explanation.Condition::holds));
    }
  }

  private static void assertRouteExplained(Explanation explanation) {
    List<Explanation.RouteMatch> taken =
        explanation.routes().stream().filter(Explanation.RouteMatch::taken).toList();
    assertThat(taken).hasSize(1);
    assertThat(taken.getFirst().matched()).isTrue();
    assertThat(taken.getFirst().ref()).isEqualTo(Objects.requireNonNull(explanation.route()).ref());
  }
}

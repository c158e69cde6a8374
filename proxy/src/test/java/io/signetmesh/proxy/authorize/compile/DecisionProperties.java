package io.signetmesh.proxy.authorize.compile;

import static org.assertj.core.api.Assertions.assertThat;

import io.linkerd.proxy.inbound.Server;
import io.signetmesh.path.RequestPath;
import io.signetmesh.proxy.authorize.Client;
import io.signetmesh.proxy.authorize.Decision;
import io.signetmesh.proxy.authorize.Explanation;
import io.signetmesh.proxy.authorize.Reason;
import io.signetmesh.proxy.authorize.RegoProof;
import io.signetmesh.proxy.authorize.RegoQuestion;
import io.signetmesh.proxy.authorize.RequestProofs;
import io.signetmesh.proxy.authorize.ResourceRef;
import io.signetmesh.proxy.authorize.Route;
import io.signetmesh.proxy.authorize.ServerPolicy;
import io.signetmesh.proxy.authorize.TrialRequest;
import io.signetmesh.proxy.authorize.compile.RandomPolicies.Request;
import io.signetmesh.proxy.authorize.compile.ReferencePolicy.Verdict;
import io.signetmesh.rego.RegoAnswer;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.function.Function;
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
    RandomPolicies policies = new RandomPolicies(random, true, true);
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
      Client unasked = connected.with(policies.proofs());
      Map<String, RegoAnswer.Outcome> outcomes = policies.outcomes();
      Request sent = policies.request();
      Request request = policy.matchesPaths() ? normal(sent) : sent;
      if (request == null) {
        // Refused before it comes to the engine.
        continue;
      }

      Decision connection = policy.decideConnection(connected);
      assertThat(verdict(connection)).isEqualTo(enforced.connection(connected));
      assertThat(connection.generation()).isEqualTo(9);
      Client client = answered(policy, unasked, request, outcomes);
      Verdict expected = enforced.request(unasked, request, outcomes);
      Decision decision = decide(policy, client, request);
      assertVerdict(decision, expected, request, message);
      Route route = enforced.readsHttp() ? policy.route(request) : null;
      Decision refused = route == null ? null : policy.refuseWhateverIsProved(unasked, route);
      if (refused != null) {
        assertThat(refused.allowed()).isFalse();
        assertThat(decision.allowed()).isFalse();
      }
      Statistics.label("refused").collect(refused != null);

      Client tryer = answered(policy.trialByRego(client, request), client, outcomes);
      Decision trial = policy.trialRequest(tryer, request);
      Decision trialConnection = policy.trialConnection(connected);
      if (message.hasSignetTrial()) {
        Request judged = alone.matchesPaths() && tried.readsHttp() ? normal(request) : request;
        if (judged == null) {
          assertThat(verdict(trial)).isEqualTo(new Verdict(false, Reason.UNSAFE_PATH, null));
        } else {
          assertVerdict(
              trial, tried.request(unasked, judged, outcomes), judged, message.getSignetTrial());
          assertThat(trial)
              .isEqualTo(decide(alone, answered(alone, unasked, judged, outcomes), judged));
        }
        assertThat(verdict(trialConnection)).isEqualTo(tried.connection(connected));
        assertThat(trialConnection).isEqualTo(alone.decideConnection(connected));
      } else {
        assertThat(trial == null).isEqualTo(decision.reason() != Reason.AUDITED);
        if (trial != null) {
          assertThat(verdict(trial)).isEqualTo(tried.request(unasked, request, outcomes));
        }
      }

      // What is not read as HTTP has no request that proves anything.
      Client explained = enforced.readsHttp() ? tryer : client;
      Explanation explanation = policy.explain(explained, request);
      assertExplains(explanation, decision);
      assertExplains(policy.explain(connected, null), connection);
      assertThat(explanation.trial() == null).isEqualTo(trial == null);
      if (explanation.trial() != null) {
        assertExplains(
            explanation.trial(), Objects.requireNonNull(policy.trialRequest(explained, request)));
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
                      Reason.REGO_FAILED,
                      Reason.NO_AUTHORIZATION,
                      Reason.NO_ROUTE)) {
                coverage.check(reason).percentage(percent -> percent > 0.3);
              }
              coverage.check(Reason.AUTHORIZED).percentage(percent -> percent > 15);
              coverage.check(Reason.CLAIM_MISMATCH).percentage(percent -> percent > 0.1);
              coverage.check(Reason.REGO_DENIED).percentage(percent -> percent > 0.05);
              coverage.check(Reason.UNSAFE_PATH).percentage(percent -> percent > 0.03);
            });
    Statistics.label("refused")
        .coverage(coverage -> coverage.check(true).percentage(percent -> percent > 5));
    Statistics.label("trial")
        .coverage(
            coverage -> {
              coverage.check("same").percentage(percent -> percent > 15);
              coverage.check("other").percentage(percent -> percent > 10);
            });
  }

  /** The client with all answers that the decision depends on, each asked for once. */
  private static Client answered(
      ServerPolicy policy,
      Client client,
      Request request,
      Map<String, RegoAnswer.Outcome> outcomes) {
    Route route = policy.protocol() == ServerPolicy.Protocol.OPAQUE ? null : policy.route(request);
    return route == null ? client : answered(one -> policy.nextRego(one, route), client, outcomes);
  }

  private static Client answered(
      @Nullable TrialRequest trial, Client client, Map<String, RegoAnswer.Outcome> outcomes) {
    if (trial == null) {
      return client;
    }
    Client answered = answered(trial::next, client, outcomes);
    assertThat(trial.decide(answered)).isNotNull();
    return answered;
  }

  private static Client answered(
      Function<Client, @Nullable RegoQuestion> next,
      Client client,
      Map<String, RegoAnswer.Outcome> outcomes) {
    RequestProofs proofs = Objects.requireNonNull(client.proofs());
    Client asked = client;
    RegoQuestion question = next.apply(asked);
    while (question != null) {
      assertThat(proofs.rego(question)).isNull();
      RegoAnswer.Outcome outcome =
          Objects.requireNonNull(outcomes.get(question.authentication().name()));
      proofs = proofs.with(new RegoProof(question, new RegoAnswer(outcome, null)));
      asked = client.with(proofs);
      question = next.apply(asked);
    }
    return asked;
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

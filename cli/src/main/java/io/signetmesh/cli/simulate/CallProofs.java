package io.signetmesh.cli.simulate;

import io.signetmesh.jwt.TokenAuthentication;
import io.signetmesh.jwt.TokenResult;
import io.signetmesh.proxy.authorize.Client;
import io.signetmesh.proxy.authorize.RequestProofs;
import io.signetmesh.proxy.authorize.Route;
import io.signetmesh.proxy.authorize.ServerPolicy;
import io.signetmesh.proxy.authorize.TrialRequest;
import io.signetmesh.proxy.metrics.registry.MetricsRegistry;
import io.signetmesh.proxy.rego.RegoChecks;
import io.signetmesh.proxy.rego.RegoMetrics;
import io.signetmesh.proxy.rego.RegoRequest;
import io.signetmesh.proxy.rego.SecretFields;
import io.signetmesh.proxy.token.TokenChecks;
import io.signetmesh.proxy.token.TokenMetrics;
import io.signetmesh.proxy.token.TokenQuestion;
import io.signetmesh.proxy.worker.FairWorkers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What calls prove, by the code of the proxy: by their tokens, then to policy bundles. Claims
 * without signature pass as if their issuer had signed them. For calls that are made in one moment.
 * Not thread-safe.
 */
final class CallProofs {
  private final Instant time;
  private final int port;
  private @Nullable TokenChecks checks;
  private @Nullable RegoChecks rego;

  /** What stands for claims in calls, and the claims. */
  private final Map<String, Assumed> assumed = new HashMap<>();

  @SuppressWarnings("ArrayRecordComponent") // not compared
  private record Assumed(byte @Nullable [] header, byte[] claims) {}

  /**
   * @param time when the calls are made
   * @param port of the workload that is called
   */
  CallProofs(Instant time, int port) {
    this.time = time;
    this.port = port;
  }

  private TokenChecks checks() {
    if (checks == null) {
      checks =
          new TokenChecks(
              // None of its threads is ever needed.
              new FairWorkers("token", 1),
              InstantSource.fixed(time),
              (authentication, keyId) -> {},
              new TokenMetrics(new MetricsRegistry(Duration.ofMinutes(1))),
              this::verify);
    }
    return checks;
  }

  private RegoChecks rego() {
    if (rego == null) {
      rego =
          new RegoChecks(
              // None of their threads is ever needed.
              new FairWorkers("rego", 1),
              new FairWorkers("rego-dry-run", 1),
              new RegoMetrics(new MetricsRegistry(Duration.ofMinutes(1))));
    }
    return rego;
  }

  private TokenResult verify(TokenAuthentication authentication, byte[] token) {
    Assumed claims = assumed.get(new String(token, StandardCharsets.ISO_8859_1));
    return claims == null
        ? authentication.verify(token)
        : authentication.assume(claims.header(), claims.claims());
  }

  /** The token as the caller sends it. */
  String text(CallToken token, Caller caller) {
    return switch (token) {
      case CallToken.Text(String text) -> text;
      case CallToken.Claims claims -> {
        String text = claims.unsigned(time, caller.certificate());
        assumed.put(
            text,
            new Assumed(
                claims.header() == null ? null : utf8(claims.header().toString()),
                utf8(claims.at(time, caller.certificate()).toString())));
        yield text;
      }
    };
  }

  /**
   * What a call proves.
   *
   * @param enforced what the policy in force gets to know
   * @param trial the same with what only the dry run asks policy bundles
   */
  record Proven(RequestProofs enforced, RequestProofs trial) {
    static final Proven NOTHING = new Proven(RequestProofs.NONE, RequestProofs.NONE);
  }

  /**
   * Finds out what a request proves.
   *
   * @param route its route
   * @param sent the head as the client sends it
   * @param head the head in the form that the policy in force decides on
   */
  Proven prove(
      ServerPolicy policy, Client client, Route route, RequestHead sent, RequestHead head) {
    List<TokenAuthentication> needed = policy.tokens(client, route);
    List<TokenAuthentication> tried = policy.trialTokens();
    TokenQuestion question = null;
    RequestProofs proofs = RequestProofs.NONE;
    if (!needed.isEmpty() || !tried.isEmpty()) {
      TokenChecks all = checks();
      question =
          all.question(
              needed, tried, sent.fields(), sent.authority(), client, time.toEpochMilli(), null);
      proofs = new RequestProofs(all.answer(question), List.of());
    }
    TrialRequest trial = policy.trialByRego(client, head);
    if (!policy.asksRego() && trial == null) {
      return new Proven(proofs, proofs);
    }
    RegoRequest request =
        new RegoRequest(
            0,
            port,
            SecretFields.without(sent.regoHead(), policy.tokenLocations()),
            question == null ? RegoRequest.Claims.NONE : question::claims,
            time.toEpochMilli(),
            0);
    RequestProofs enforced =
        rego().answer(request, client.with(proofs), asked -> policy.nextRego(asked, route));
    return new Proven(
        enforced,
        trial == null ? enforced : rego().answer(request, client.with(enforced), trial::next));
  }

  private static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }
}

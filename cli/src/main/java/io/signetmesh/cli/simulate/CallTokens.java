package io.signetmesh.cli.simulate;

import io.signetmesh.jwt.TokenAuthentication;
import io.signetmesh.jwt.TokenResult;
import io.signetmesh.proxy.authorize.Client;
import io.signetmesh.proxy.metrics.registry.MetricsRegistry;
import io.signetmesh.proxy.token.TokenChecks;
import io.signetmesh.proxy.token.TokenMetrics;
import io.signetmesh.proxy.token.TokenWorkers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What the tokens of calls prove, by the code of the proxy. Claims without signature pass as if
 * their issuer had signed them. For calls that are made in one moment. Not thread-safe.
 */
final class CallTokens {
  private final Instant time;
  private @Nullable TokenChecks checks;

  /** What stands for claims in calls, and the claims. */
  private final Map<String, Assumed> assumed = new HashMap<>();

  @SuppressWarnings("ArrayRecordComponent") // not compared
  private record Assumed(byte @Nullable [] header, byte[] claims) {}

  /**
   * @param time when the calls are made
   */
  CallTokens(Instant time) {
    this.time = time;
  }

  private TokenChecks checks() {
    if (checks == null) {
      checks =
          new TokenChecks(
              // None of its threads is ever needed.
              new TokenWorkers(),
              InstantSource.fixed(time),
              (authentication, keyId) -> {},
              new TokenMetrics(new MetricsRegistry(Duration.ofMinutes(1))),
              this::verify);
    }
    return checks;
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
   * The client with what a request proves.
   *
   * @param needed what the policy in force asks
   * @param trial what the dry run asks
   * @param head the head as the client sends it
   */
  Client prove(
      Client client,
      List<TokenAuthentication> needed,
      List<TokenAuthentication> trial,
      RequestHead head) {
    TokenChecks all = checks();
    return client.with(
        all.answer(
            all.question(
                needed, trial, head.fields(), head.authority(), client, time.toEpochMilli())));
  }

  private static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }
}

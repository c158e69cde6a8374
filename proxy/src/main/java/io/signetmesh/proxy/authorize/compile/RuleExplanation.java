package io.signetmesh.proxy.authorize.compile;

import io.signetmesh.jwt.TokenPrincipal;
import io.signetmesh.proxy.authorize.Client;
import io.signetmesh.proxy.authorize.Explanation;
import io.signetmesh.proxy.authorize.Explanation.Attribute;
import io.signetmesh.proxy.authorize.Explanation.Condition;
import io.signetmesh.proxy.authorize.TokenProof;
import io.signetmesh.proxy.authorize.TokenProofs;
import io.signetmesh.proxy.authorize.compile.AuthorizationIndex.Authentication;
import io.signetmesh.proxy.authorize.compile.AuthorizationIndex.Authorization;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Reads rules one after the other, without an index, and notes what holds of each. */
final class RuleExplanation {
  private final Client client;
  private final List<Explanation.Rule> rules = new ArrayList<>();
  private boolean decided;

  RuleExplanation(Client client) {
    this.client = client;
  }

  /** Adds rules that count after those that are there. */
  void add(Explanation.Level level, @Nullable AuthorizationIndex index) {
    if (index != null) {
      add(level, index.authorizations());
    }
  }

  void add(Explanation.Level level, List<Authorization> authorizations) {
    for (Authorization authorization : authorizations) {
      List<Condition> conditions = new ArrayList<>(2);
      condition(authorization.authentication(), denies(level), conditions);
      boolean held = authorization.networks().stream().anyMatch(network -> network.holds(client));
      conditions.add(
          new Condition(
              Attribute.NETWORK,
              null,
              held,
              RequirementText.isAnywhere(authorization.networks())
                  ? "any address"
                  : RequirementText.networkList(authorization.networks()),
              client.address().getHostAddress()));
      for (TokenRequirement token : authorization.tokens()) {
        conditions.add(condition(token, denies(level)));
      }
      boolean matched = conditions.stream().allMatch(Condition::holds);
      boolean decisive = matched && !decided;
      decided |= decisive;
      rules.add(new Explanation.Rule(level, authorization.ref(), matched, decisive, conditions));
    }
  }

  List<Explanation.Rule> rules() {
    return rules;
  }

  private static boolean denies(Explanation.Level level) {
    return level == Explanation.Level.SERVER_DENIAL || level == Explanation.Level.ROUTE_DENIAL;
  }

  private Condition condition(TokenRequirement token, boolean denies) {
    TokenProofs tokens = client.tokens();
    return new Condition(
        Attribute.TOKEN,
        token.name(),
        denies ? token.mayHold(tokens) : token.holds(tokens),
        token.text(),
        seen(token, tokens));
  }

  private static String seen(TokenRequirement token, @Nullable TokenProofs tokens) {
    TokenProof proof = token.proof(tokens);
    if (proof == null) {
      return tokens == null ? "no request" : "not looked at";
    }
    if (proof.isMissing()) {
      return "none";
    }
    TokenPrincipal principal = proof.principal();
    String of = principal == null ? "" : " of subject " + principal.subject();
    if (proof.failure() == null) {
      return "a valid token" + of;
    }
    String detail = proof.result() == null ? null : proof.result().detail();
    return "a token"
        + of
        + " that is refused: "
        + proof.failure().code()
        + (detail == null ? "" : ", " + detail);
  }

  private void condition(
      Authentication authentication, boolean denies, List<Condition> conditions) {
    switch (authentication) {
      case Authentication.None none -> {}
      case Authentication.MeshTls tls ->
          conditions.add(
              new Condition(
                  Attribute.TLS,
                  null,
                  client.meshTls(),
                  "mesh TLS",
                  client.meshTls() ? "mesh TLS" : "none"));
      case Authentication.Identities wanted -> {
        String met = met(wanted, client, denies);
        String seen = met == null ? client.identity() : met;
        conditions.add(
            new Condition(
                Attribute.IDENTITY,
                null,
                met != null,
                RequirementText.identities(wanted),
                seen != null ? seen : client.meshTls() ? "none" : "none, no mesh TLS"));
      }
    }
  }

  /** The name of the client that is wanted; null: none is. */
  private static @Nullable String met(
      Authentication.Identities wanted, Client client, boolean denies) {
    for (Client name = client; name != null; name = denies ? name.other() : null) {
      String identity = name.identity();
      if (identity != null && holds(wanted, identity, denies)) {
        return identity;
      }
    }
    return null;
  }

  private static boolean holds(Authentication.Identities wanted, String identity, boolean denies) {
    if (wanted.exact().contains(identity)) {
      return true;
    }
    boolean dnsName = identity.indexOf(':') < 0;
    for (List<String> suffix : wanted.suffixes()) {
      if (suffix.isEmpty()
          ? dnsName || denies
          : dnsName && identity.endsWith("." + String.join(".", suffix))) {
        return true;
      }
    }
    return false;
  }
}

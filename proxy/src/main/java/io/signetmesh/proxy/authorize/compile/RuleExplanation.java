package io.signetmesh.proxy.authorize.compile;

import io.signetmesh.jwt.TokenPrincipal;
import io.signetmesh.proxy.authorize.Client;
import io.signetmesh.proxy.authorize.Explanation;
import io.signetmesh.proxy.authorize.Explanation.Attribute;
import io.signetmesh.proxy.authorize.Explanation.Condition;
import io.signetmesh.proxy.authorize.RegoProof;
import io.signetmesh.proxy.authorize.RequestProofs;
import io.signetmesh.proxy.authorize.TokenProof;
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

  /**
   * Adds rules that count after those that are there.
   *
   * @param rego whether those are added that ask policy bundles, or all others
   */
  void add(Explanation.Level level, @Nullable AuthorizationIndex index, boolean rego) {
    if (index != null && !rego) {
      add(level, index.authorizations());
    } else if (index != null && index.rego() != null) {
      add(level, index.rego().authorizations());
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
      boolean undecided =
          denies(level) && Requirement.isTokenUndecided(authorization.required(), client.proofs());
      for (Requirement required : authorization.required()) {
        conditions.add(condition(required, denies(level), undecided));
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

  /**
   * @param undecided whether a token of the same denial is undecided
   */
  private Condition condition(Requirement required, boolean denies, boolean undecided) {
    RequestProofs proofs = client.proofs();
    boolean rego = required instanceof Requirement.Rego;
    return new Condition(
        rego ? Attribute.REGO : Attribute.TOKEN,
        required.name(),
        denies ? required.mayHold(proofs) || (rego && undecided) : required.holds(proofs),
        required.text(),
        switch (required) {
          case Requirement.Token token -> seen(token, proofs);
          case Requirement.Rego bundle -> seen(bundle, proofs);
        });
  }

  private static String seen(Requirement.Rego rego, @Nullable RequestProofs proofs) {
    RegoProof proof = rego.proof(proofs);
    return proof != null ? proof.text() : proofs == null ? "no request" : "not asked";
  }

  private static String seen(Requirement.Token token, @Nullable RequestProofs proofs) {
    TokenProof proof = token.proof(proofs);
    if (proof == null) {
      return proofs == null ? "no request" : "not looked at";
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

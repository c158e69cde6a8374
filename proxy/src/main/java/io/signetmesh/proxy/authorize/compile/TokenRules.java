package io.signetmesh.proxy.authorize.compile;

import io.signetmesh.jwt.TokenAuthentication;
import io.signetmesh.jwt.TokenFailure;
import io.signetmesh.proxy.authorize.Client;
import io.signetmesh.proxy.authorize.Decision;
import io.signetmesh.proxy.authorize.Reason;
import io.signetmesh.proxy.authorize.TokenProof;
import io.signetmesh.proxy.authorize.TokenProofs;
import io.signetmesh.proxy.authorize.compile.AuthorizationIndex.Authorization;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The authorizations of a list that require tokens. Those that require the same tokens share an
 * index by client. They count after the authorizations that require none, so that a request which
 * is allowed without its token is recorded as such.
 */
final class TokenRules {
  private final List<Group> groups;
  private final boolean denies;
  private final long generation;

  /**
   * @param tokens tokens that all of these require, all of them
   * @param clients the authorizations, indexed by what they ask of the client
   */
  private record Group(List<TokenRequirement> tokens, AuthorizationIndex clients) {
    boolean hold(@Nullable TokenProofs proofs, boolean denies) {
      for (int i = 0; i < tokens.size(); i++) {
        TokenRequirement token = tokens.get(i);
        if (denies ? !token.mayHold(proofs) : !token.holds(proofs)) {
          return false;
        }
      }
      return true;
    }
  }

  private TokenRules(List<Group> groups, boolean denies, long generation) {
    this.groups = groups;
    this.denies = denies;
    this.generation = generation;
  }

  /**
   * The rules of those authorizations that require tokens; null when none does.
   *
   * @param clients makes the index by client
   */
  static @Nullable TokenRules of(
      List<Authorization> authorizations,
      boolean denies,
      long generation,
      Function<List<Authorization>, AuthorizationIndex> clients) {
    Map<List<TokenRequirement>, List<Authorization>> alike = new LinkedHashMap<>();
    for (Authorization authorization : authorizations) {
      if (!authorization.tokens().isEmpty()) {
        alike
            .computeIfAbsent(authorization.tokens(), tokens -> new ArrayList<>())
            .add(authorization);
      }
    }
    if (alike.isEmpty()) {
      return null;
    }
    List<Group> groups = new ArrayList<>();
    alike.forEach((tokens, members) -> groups.add(new Group(tokens, clients.apply(members))));
    return new TokenRules(List.copyOf(groups), denies, generation);
  }

  /** The authorizations in the order in which they count. */
  List<Authorization> authorizations() {
    List<Authorization> all = new ArrayList<>();
    groups.forEach(group -> all.addAll(group.clients().authorizations()));
    return all;
  }

  /** The decision of the first authorization that holds; null when none does. */
  @Nullable Decision first(Client client) {
    TokenProofs proofs = client.tokens();
    for (int i = 0; i < groups.size(); i++) {
      Group group = groups.get(i);
      if (group.hold(proofs, denies)) {
        Decision decision = group.clients().first(client);
        if (decision != null) {
          return decision;
        }
      }
    }
    return null;
  }

  /** Whether an authorization holds but for its tokens. */
  boolean concern(Client client) {
    for (int i = 0; i < groups.size(); i++) {
      if (groups.get(i).clients().first(client) != null) {
        return true;
      }
    }
    return false;
  }

  /** Adds what decides on a client. */
  static void addNeeded(
      @Nullable AuthorizationIndex index, Client client, Set<TokenAuthentication> needed) {
    TokenRules tokens = index == null ? null : index.tokens();
    if (tokens == null) {
      return;
    }
    for (Group group : tokens.groups) {
      if (group.clients().first(client) != null) {
        addAll(group, needed);
      }
    }
  }

  /** Adds all that decides on anybody. */
  static void addAll(@Nullable AuthorizationIndex index, Set<TokenAuthentication> all) {
    TokenRules tokens = index == null ? null : index.tokens();
    if (tokens != null) {
      tokens.groups.forEach(group -> addAll(group, all));
    }
  }

  private static void addAll(Group group, Set<TokenAuthentication> all) {
    for (TokenRequirement token : group.tokens()) {
      if (token.authentication() != null) {
        all.add(token.authentication());
      }
    }
  }

  /**
   * The denial that names the authorization which came nearest: one that holds but for its tokens,
   * and of these one whose token is valid but for a claim, else one whose token is not valid, else
   * one whose token is missing. Null when none holds but for its tokens.
   */
  @Nullable Decision nearestMiss(Client client) {
    Decision nearest = null;
    for (Group group : groups) {
      Decision matched = group.clients().first(client);
      if (matched != null) {
        Decision miss = miss(group, matched, client.tokens());
        if (nearest == null || distance(miss.reason()) < distance(nearest.reason())) {
          nearest = miss;
        }
      }
    }
    return nearest;
  }

  /** The denial of a client whom no authorization names at all; null when there is none. */
  @Nullable Decision nearestMissOfClient(Client client) {
    for (Group group : groups) {
      Decision miss = group.clients().nearestMiss(client);
      if (miss != null) {
        return miss;
      }
    }
    return null;
  }

  private static int distance(Reason reason) {
    return switch (reason) {
      case CLAIM_MISMATCH -> 0;
      case TOKEN_INVALID -> 1;
      default -> 2;
    };
  }

  private Decision miss(Group group, Decision matched, @Nullable TokenProofs proofs) {
    for (TokenRequirement token : group.tokens()) {
      if (!token.holds(proofs)) {
        return miss(token, matched, proofs);
      }
    }
    throw new IllegalStateException("all tokens hold: expected one that does not");
  }

  private Decision miss(TokenRequirement token, Decision matched, @Nullable TokenProofs proofs) {
    TokenProof proof = token.proof(proofs);
    if (token.authentication() == null) {
      return denial(Reason.TOKEN_INVALID, matched, "token", "wants " + token.text());
    }
    if (proof == null || proof.isMissing()) {
      String where = proofs == null ? ", and the connection is not read as HTTP" : "";
      return denial(Reason.TOKEN_REQUIRED, matched, "token", "wants " + token.text() + where);
    }
    TokenFailure failure = proof.failure();
    String detail = proof.result() == null ? null : proof.result().detail();
    if (failure != null && failure.kind() == TokenFailure.Kind.CLAIMS) {
      return denial(
          Reason.CLAIM_MISMATCH,
          matched,
          "claim",
          detail == null ? "wants " + token.text() : "wants " + detail);
    }
    return denial(
        Reason.TOKEN_INVALID,
        matched,
        "token",
        "wants "
            + token.text()
            + "; the token is refused: "
            + (failure == null ? "not verified" : failure.code())
            + (detail == null ? "" : ", " + detail));
  }

  private Decision denial(Reason reason, Decision matched, String attribute, String detail) {
    return new Decision(
        false,
        reason,
        matched.authorization(),
        attribute,
        detail,
        Decision.Mode.ENFORCE,
        generation);
  }
}

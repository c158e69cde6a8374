package io.signetmesh.proxy.authorize.compile;

import io.signetmesh.jwt.TokenAuthentication;
import io.signetmesh.jwt.TokenFailure;
import io.signetmesh.proxy.authorize.Client;
import io.signetmesh.proxy.authorize.Decision;
import io.signetmesh.proxy.authorize.Reason;
import io.signetmesh.proxy.authorize.RegoProof;
import io.signetmesh.proxy.authorize.RegoQuestion;
import io.signetmesh.proxy.authorize.RequestProofs;
import io.signetmesh.proxy.authorize.TokenProof;
import io.signetmesh.proxy.authorize.compile.AuthorizationIndex.Authorization;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Those authorizations of a list that require something of the request: tokens, or the yes of
 * policy bundles. Those that require the same share an index by client.
 */
final class ProofRules {
  private final List<Group> groups;
  private final boolean denies;
  private final long generation;

  /**
   * @param required what all of these require, all of it; tokens come first
   * @param clients the authorizations, indexed by what they ask of the client
   */
  private record Group(List<Requirement> required, AuthorizationIndex clients) {
    boolean hold(@Nullable RequestProofs proofs, boolean denies) {
      for (int i = 0; i < required.size(); i++) {
        Requirement one = required.get(i);
        boolean holds =
            denies ? one.mayHold(proofs) || goesUnasked(one, proofs) : one.holds(proofs);
        if (!holds) {
          return false;
        }
      }
      return true;
    }

    /** The first policy bundle that was not asked and that these depend on; null: none. */
    @Nullable RegoQuestion next(RequestProofs proofs, boolean denies) {
      for (int i = 0; i < required.size(); i++) {
        Requirement one = required.get(i);
        if (one instanceof Requirement.Rego(String name, RegoQuestion question)) {
          if (denies && goesUnasked(one, proofs)) {
            return null;
          }
          if (question != null && proofs.rego(question) == null) {
            return question;
          }
        }
        if (!(denies ? one.mayHold(proofs) : one.holds(proofs))) {
          return null;
        }
      }
      return null;
    }

    /** Whether it is the bundle of a denial, and nobody can tell what a token with it says. */
    private boolean goesUnasked(Requirement one, @Nullable RequestProofs proofs) {
      return one instanceof Requirement.Rego && Requirement.isTokenUndecided(required, proofs);
    }
  }

  private ProofRules(List<Group> groups, boolean denies, long generation) {
    this.groups = groups;
    this.denies = denies;
    this.generation = generation;
  }

  /**
   * The rules of those authorizations that are chosen; null when none is.
   *
   * @param chosen by what they require
   * @param clients makes the index by client
   */
  static @Nullable ProofRules of(
      List<Authorization> authorizations,
      Predicate<Authorization> chosen,
      boolean denies,
      long generation,
      Function<List<Authorization>, AuthorizationIndex> clients) {
    Map<List<Requirement>, List<Authorization>> alike = new LinkedHashMap<>();
    for (Authorization authorization : authorizations) {
      if (chosen.test(authorization)) {
        alike
            .computeIfAbsent(authorization.required(), required -> new ArrayList<>())
            .add(authorization);
      }
    }
    if (alike.isEmpty()) {
      return null;
    }
    List<Group> groups = new ArrayList<>();
    alike.forEach((required, members) -> groups.add(new Group(required, clients.apply(members))));
    return new ProofRules(List.copyOf(groups), denies, generation);
  }

  /** The authorizations in the order in which they count. */
  List<Authorization> authorizations() {
    List<Authorization> all = new ArrayList<>();
    groups.forEach(group -> all.addAll(group.clients().authorizations()));
    return all;
  }

  /** The decision of the first authorization that holds; null when none does. */
  @Nullable Decision first(Client client) {
    RequestProofs proofs = client.proofs();
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

  /**
   * The first policy bundle that was not asked and that decides whether one of these holds; null
   * when there is none, or one holds whatever the others answer.
   */
  @Nullable RegoQuestion next(Client client, RequestProofs proofs) {
    for (int i = 0; i < groups.size(); i++) {
      Group group = groups.get(i);
      if (group.clients().first(client) != null) {
        RegoQuestion question = group.next(proofs, denies);
        if (question != null || group.hold(proofs, denies)) {
          return question;
        }
      }
    }
    return null;
  }

  /** Whether an authorization holds but for what it requires of the request. */
  boolean concern(Client client) {
    for (int i = 0; i < groups.size(); i++) {
      if (groups.get(i).clients().first(client) != null) {
        return true;
      }
    }
    return false;
  }

  /** Adds the tokens that decide on a client. */
  void addTokens(Client client, Set<TokenAuthentication> needed) {
    for (Group group : groups) {
      if (group.clients().first(client) != null) {
        addTokens(group, needed);
      }
    }
  }

  /** Adds all tokens that decide on anybody. */
  void addTokens(Set<TokenAuthentication> all) {
    groups.forEach(group -> addTokens(group, all));
  }

  private static void addTokens(Group group, Set<TokenAuthentication> all) {
    for (Requirement one : group.required()) {
      if (one instanceof Requirement.Token(String name, TokenAuthentication authentication)
          && authentication != null) {
        all.add(authentication);
      }
    }
  }

  /**
   * The denial that names the authorization which came nearest, of those that hold for the client
   * and miss something of the request; null when there is none. Of two that are equally near, the
   * first.
   *
   * @param client what it proves decides how near it came, see {@link #distance}
   * @param before the nearest so far; null: none
   */
  @Nullable Miss nearestMiss(Client client, @Nullable Miss before) {
    Miss nearest = before;
    for (Group group : groups) {
      Decision matched = group.clients().first(client);
      if (matched != null) {
        Miss miss = miss(group, matched, client.proofs());
        if (nearest == null || miss.distance() < nearest.distance()) {
          nearest = miss;
        }
      }
    }
    return nearest;
  }

  /**
   * What an authorization misses.
   *
   * @param distance the lower the nearer
   */
  record Miss(Decision denial, int distance) {}

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

  /**
   * How near an authorization is. A bundle is asked only when the tokens that are required with it
   * hold, so a request that it refuses has proved all the others. Without tokens it has proved
   * nothing, and a token may still help it: then the client is told so. Of two bundles the one
   * without an answer is nearer, since it might have said yes.
   */
  private static int distance(Reason reason, boolean byToken) {
    return switch (reason) {
      case REGO_FAILED -> byToken ? 0 : 5;
      case REGO_DENIED -> byToken ? 1 : 6;
      case CLAIM_MISMATCH -> 2;
      case TOKEN_INVALID -> 3;
      default -> 4;
    };
  }

  private Miss miss(Group group, Decision matched, @Nullable RequestProofs proofs) {
    boolean byToken = false;
    for (Requirement one : group.required()) {
      if (!one.holds(proofs)) {
        Decision denial =
            switch (one) {
              case Requirement.Token token -> miss(token, matched, proofs);
              case Requirement.Rego rego -> miss(rego, matched, proofs);
            };
        return new Miss(denial, distance(denial.reason(), byToken));
      }
      byToken |= one instanceof Requirement.Token;
    }
    throw new IllegalStateException("all requirements hold: expected one that does not");
  }

  private Decision miss(Requirement.Rego rego, Decision matched, @Nullable RequestProofs proofs) {
    RegoProof proof = rego.proof(proofs);
    String wanted = "wants " + rego.text();
    if (proof != null && !proof.isUndecided()) {
      String reason = proof.answer().reason();
      return denial(
          Reason.REGO_DENIED,
          matched,
          "rego",
          wanted + "; it says no" + (reason == null ? "" : ": " + reason));
    }
    String why =
        proof != null
            ? "; it has no answer: " + proof.text()
            : proofs == null
                ? ", and the connection is not read as HTTP"
                : rego.question() == null ? "" : "; it has no answer: not_asked";
    return denial(Reason.REGO_FAILED, matched, "rego", wanted + why);
  }

  private Decision miss(Requirement.Token token, Decision matched, @Nullable RequestProofs proofs) {
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

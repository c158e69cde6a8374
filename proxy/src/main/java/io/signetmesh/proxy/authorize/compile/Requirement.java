package io.signetmesh.proxy.authorize.compile;

import io.signetmesh.jwt.TokenAuthentication;
import io.signetmesh.proxy.authorize.RegoProof;
import io.signetmesh.proxy.authorize.RegoQuestion;
import io.signetmesh.proxy.authorize.RequestProofs;
import io.signetmesh.proxy.authorize.TokenProof;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What an authorization or a denial requires of a request, beside what it requires of the client.
 * One that the message does not explain, or this proxy does not understand, is passed by no request
 * of a grant, and by every request of a denial.
 */
sealed interface Requirement {
  /** {@code namespace/name} of the authentication. */
  String name();

  /**
   * Whether the requirement of a grant holds.
   *
   * @param proofs what the request proves; null: there is no request
   */
  boolean holds(@Nullable RequestProofs proofs);

  /** Whether the requirement of a denial holds: also where nobody can tell. */
  boolean mayHold(@Nullable RequestProofs proofs);

  /** The requirement, for people. */
  String text();

  /**
   * Whether nobody can tell if one of the required tokens passes. A bundle gets the claims of
   * tokens that pass, so without them its answer says nothing: a denial does not ask its bundles,
   * and they count as undecided. Else a client would escape it by a token that only the application
   * reads.
   *
   * @param required all that a denial requires
   * @param proofs what the request proves; null: there is no request
   */
  static boolean isTokenUndecided(List<Requirement> required, @Nullable RequestProofs proofs) {
    for (int i = 0; i < required.size(); i++) {
      Requirement one = required.get(i);
      if (one instanceof Token && one.mayHold(proofs) && !one.holds(proofs)) {
        return true;
      }
    }
    return false;
  }

  /**
   * A token.
   *
   * @param authentication what the token has to pass; null: not understood
   */
  record Token(String name, @Nullable TokenAuthentication authentication) implements Requirement {
    /** What the request proves; null: it was not asked, or there is no request. */
    @Nullable TokenProof proof(@Nullable RequestProofs proofs) {
      return proofs == null || authentication == null ? null : proofs.tokens().of(authentication);
    }

    @Override
    public boolean holds(@Nullable RequestProofs proofs) {
      TokenProof proof = proof(proofs);
      return proof != null && proof.passes();
    }

    @Override
    public boolean mayHold(@Nullable RequestProofs proofs) {
      TokenProof proof = proof(proofs);
      return proof == null || proof.passes() || proof.isUndecided();
    }

    @Override
    public String text() {
      return authentication == null
          ? "a token for " + name + ", which this proxy does not know or understand"
          : "a " + authentication.requirement();
    }
  }

  /**
   * The yes of a policy bundle.
   *
   * @param question what it is asked; null: not understood
   */
  record Rego(String name, @Nullable RegoQuestion question) implements Requirement {
    /** The answer; null: the bundle was not asked, or there is no request. */
    @Nullable RegoProof proof(@Nullable RequestProofs proofs) {
      return proofs == null || question == null ? null : proofs.rego(question);
    }

    @Override
    public boolean holds(@Nullable RequestProofs proofs) {
      RegoProof proof = proof(proofs);
      return proof != null && proof.passes();
    }

    @Override
    public boolean mayHold(@Nullable RequestProofs proofs) {
      RegoProof proof = proof(proofs);
      return proof == null || proof.passes() || proof.isUndecided();
    }

    @Override
    public String text() {
      return question == null
          ? "yes from " + name + ", which this proxy does not know or understand"
          : question.authentication().requirement();
    }
  }
}

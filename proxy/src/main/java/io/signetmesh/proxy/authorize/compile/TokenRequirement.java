package io.signetmesh.proxy.authorize.compile;

import io.signetmesh.jwt.TokenAuthentication;
import io.signetmesh.proxy.authorize.TokenProof;
import io.signetmesh.proxy.authorize.TokenProofs;
import org.jspecify.annotations.Nullable;

/**
 * A token that an authorization or a denial requires.
 *
 * @param name {@code namespace/name} of the authentication
 * @param authentication what a token has to pass; null when the message does not explain it, or
 *     this proxy does not understand it: then no grant holds, and every denial does
 */
record TokenRequirement(String name, @Nullable TokenAuthentication authentication) {
  /** What the request proves; null: it was not asked, or there is no request. */
  @Nullable TokenProof proof(@Nullable TokenProofs tokens) {
    return tokens == null || authentication == null ? null : tokens.of(authentication);
  }

  /** Whether the requirement of a grant holds. */
  boolean holds(@Nullable TokenProofs tokens) {
    TokenProof proof = proof(tokens);
    return proof != null && proof.passes();
  }

  /** Whether the requirement of a denial holds: also where nobody can tell. */
  boolean mayHold(@Nullable TokenProofs tokens) {
    TokenProof proof = proof(tokens);
    return proof == null || proof.passes() || proof.isUndecided();
  }

  /** The requirement, for people. */
  String text() {
    return authentication == null
        ? "a token for " + name + ", which this proxy does not know or understand"
        : "a " + authentication.requirement();
  }
}

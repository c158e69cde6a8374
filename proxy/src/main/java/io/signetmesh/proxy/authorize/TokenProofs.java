package io.signetmesh.proxy.authorize;

import io.signetmesh.jwt.TokenAuthentication;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What one request proves to the authentications by token that decide on it. Immutable. There are
 * few of them, so they are searched one by one.
 */
public final class TokenProofs {
  /** Of a request without tokens, where none is required. */
  public static final TokenProofs NONE = new TokenProofs(List.of(), List.of(), 0, 0);

  private final TokenAuthentication[] authentications;
  private final TokenProof[] proofs;
  private final int enforced;
  private final long epochMillis;

  /**
   * @param authentications what was asked
   * @param proofs what came of it, in the same order
   * @param enforced how many of them, from the first, are of the policy in force; the others are of
   *     the dry run alone, and change nothing
   * @param epochMillis time of the request that the proofs are of
   */
  public TokenProofs(
      List<TokenAuthentication> authentications,
      List<TokenProof> proofs,
      int enforced,
      long epochMillis) {
    this.authentications = authentications.toArray(TokenAuthentication[]::new);
    this.proofs = proofs.toArray(TokenProof[]::new);
    this.enforced = enforced;
    this.epochMillis = epochMillis;
    if (this.authentications.length != this.proofs.length) {
      throw new IllegalArgumentException(
          this.proofs.length
              + " proofs for "
              + this.authentications.length
              + " authentications: expected one for each");
    }
  }

  private TokenProofs(
      TokenAuthentication[] authentications, TokenProof[] proofs, int enforced, long epochMillis) {
    this.authentications = authentications;
    this.proofs = proofs;
    this.enforced = enforced;
    this.epochMillis = epochMillis;
  }

  /**
   * The proofs to what the policy in force asks.
   *
   * @param needed what was asked
   * @param proofs what came of it, in the same order; not copied
   * @param epochMillis time of the request that the proofs are of
   */
  public static TokenProofs enforced(
      List<TokenAuthentication> needed, TokenProof[] proofs, long epochMillis) {
    return new TokenProofs(
        needed.toArray(TokenAuthentication[]::new), proofs, proofs.length, epochMillis);
  }

  /** What the request proves to an authentication; null when it was not asked. */
  public @Nullable TokenProof of(TokenAuthentication authentication) {
    for (int i = 0; i < authentications.length; i++) {
      if (authentications[i].equals(authentication)) {
        return proofs[i];
      }
    }
    return null;
  }

  /**
   * No proof, where nothing is asked.
   *
   * @param epochMillis time of the request
   */
  public static TokenProofs none(long epochMillis) {
    return new TokenProofs(List.of(), List.of(), 0, epochMillis);
  }

  /**
   * The proofs to other authentications, all of which were asked.
   *
   * @param needed of the policy in force
   * @param trial of the dry run; those that were not asked are left out
   */
  public TokenProofs of(List<TokenAuthentication> needed, List<TokenAuthentication> trial) {
    List<TokenAuthentication> asked = new ArrayList<>(needed);
    for (TokenAuthentication tried : trial) {
      if (!asked.contains(tried) && of(tried) != null) {
        asked.add(tried);
      }
    }
    List<TokenProof> found = new ArrayList<>(asked.size());
    for (TokenAuthentication one : asked) {
      found.add(Objects.requireNonNull(of(one)));
    }
    return new TokenProofs(asked, found, needed.size(), epochMillis);
  }

  /** All authentications that were asked. */
  public List<TokenAuthentication> authentications() {
    return List.of(authentications);
  }

  /** Whether all these authentications were asked. */
  public boolean cover(List<TokenAuthentication> needed) {
    for (int i = 0; i < needed.size(); i++) {
      if (of(needed.get(i)) == null) {
        return false;
      }
    }
    return true;
  }

  /** Time of the request, in milliseconds since the Unix epoch. */
  public long epochMillis() {
    return epochMillis;
  }

  /** Number of those that are of the policy in force; they come first. */
  public int enforced() {
    return enforced;
  }

  /** Number of authentications that were asked. */
  public int size() {
    return authentications.length;
  }

  /**
   * An authentication that was asked.
   *
   * @param index from 0
   */
  public TokenAuthentication authentication(int index) {
    return authentications[index];
  }

  /**
   * What the request proves to it.
   *
   * @param index from 0
   */
  public TokenProof proof(int index) {
    return proofs[index];
  }
}

package io.signetmesh.jwt.key;

import java.util.List;

/**
 * The usable public keys of an issuer (RFC 7517 section 5). A key that cannot be used is left out
 * and affects no other. Immutable; equal by {@link #reduced()}.
 */
public final class KeySet {
  /** Longest text of a set, in characters. */
  public static final int MAX_TEXT = 256 * 1024;

  /** Keys of a set that are looked at. */
  public static final int MAX_KEYS = 256;

  private final String reduced;
  private final List<KeyFinding> findings;

  private KeySet(String reduced, List<KeyFinding> findings) {
    this.reduced = reduced;
    this.findings = findings;
  }

  /**
   * Reads a set.
   *
   * @param jwks text of a JWK set, at most {@link #MAX_TEXT}
   * @throws InvalidKeySetException when it is too long, not strict JSON, or has no list {@code
   *     keys}; a bad key in the list is a finding
   */
  public static KeySet parse(String jwks) throws InvalidKeySetException {
    if (jwks.length() > MAX_TEXT) {
      throw new InvalidKeySetException(
          "key set of " + jwks.length() + " characters: expected at most " + MAX_TEXT);
    }
    return new KeySet("{\"keys\":[]}", List.of());
  }

  /** Whether no key can be used. */
  public boolean isEmpty() {
    return true;
  }

  /** Number of usable keys. */
  public int size() {
    return 0;
  }

  /** Keys that are not used, in order. */
  public List<KeyFinding> findings() {
    return findings;
  }

  /**
   * The usable keys as canonical text of a JWK set, with nothing but {@code kid}, {@code kty},
   * {@code alg}, {@code use} and the public numbers. Two sets with the same keys have the same
   * text, whatever the order and the rest.
   */
  public String reduced() {
    return reduced;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof KeySet that && reduced.equals(that.reduced);
  }

  @Override
  public int hashCode() {
    return reduced.hashCode();
  }

  @Override
  public String toString() {
    return reduced;
  }
}

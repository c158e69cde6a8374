package io.signetmesh.jwt.key;

import io.signetmesh.jwt.jose.JsonValue;
import io.signetmesh.jwt.jose.MalformedException;
import io.signetmesh.jwt.jose.Printable;
import io.signetmesh.jwt.jose.StrictJson;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The usable public keys of an issuer (RFC 7517 section 5). A key that cannot be used is left out
 * and affects no other. Immutable; equal by {@link #reduced()}.
 */
public final class KeySet {
  /** Longest text of a set, in characters. */
  public static final int MAX_TEXT = 256 * 1024;

  /** Keys of a set that are looked at; the others are findings. */
  public static final int MAX_KEYS = 256;

  /** Keys that one token is tried with. */
  public static final int MAX_CANDIDATES = 8;

  private static final int SHOWN_KEY_ID = 64;

  private final List<VerificationKey> keys;
  private final List<KeyFinding> findings;
  private final String reduced;

  /** By {@code kid}. */
  private final Map<String, List<VerificationKey>> named = new HashMap<>();

  /** Those that a token without {@code kid} is tried with. */
  private final Map<SignatureAlgorithm, List<VerificationKey>> unnamed =
      new EnumMap<>(SignatureAlgorithm.class);

  private KeySet(List<VerificationKey> keys, List<KeyFinding> findings) {
    this.keys = keys;
    this.findings = List.copyOf(findings);
    this.reduced =
        keys.stream()
            .map(VerificationKey::text)
            .collect(Collectors.joining(",", "{\"keys\":[", "]}"));
    for (VerificationKey key : keys) {
      if (key.keyId() != null) {
        named.computeIfAbsent(key.keyId(), id -> new ArrayList<>()).add(key);
      }
    }
    for (SignatureAlgorithm algorithm : SignatureAlgorithm.values()) {
      unnamed.put(algorithm, fitting(keys, algorithm));
    }
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
    List<JsonValue> values = list(jwks);
    // In an order of their own, so that the same keys are the same set.
    TreeMap<String, VerificationKey> keys = new TreeMap<>();
    List<KeyFinding> findings = new ArrayList<>();
    for (int i = 0; i < values.size(); i++) {
      JsonValue value = values.get(i);
      if (i >= MAX_KEYS) {
        findings.add(
            new KeyFinding(
                i,
                null,
                KeyFinding.Kind.BAD,
                "and all after it: a set has at most " + MAX_KEYS + " keys"));
        break;
      }
      try {
        if (!(value instanceof JsonValue.Members jwk)) {
          throw new UnusableKeyException(KeyFinding.Kind.BAD, "is no JSON object");
        }
        VerificationKey key = JwkReader.read(jwk);
        keys.putIfAbsent(key.text(), key);
      } catch (UnusableKeyException e) {
        findings.add(new KeyFinding(i, keyId(value), e.kind(), String.valueOf(e.getMessage())));
      }
    }
    return new KeySet(List.copyOf(keys.values()), findings);
  }

  private static List<JsonValue> list(String jwks) throws InvalidKeySetException {
    JsonValue value;
    try {
      value = StrictJson.parseMarked(jwks);
    } catch (MalformedException e) {
      throw new InvalidKeySetException("key set is " + e.getMessage());
    }
    if (!(value instanceof JsonValue.Members set)) {
      throw new InvalidKeySetException("key set is no JSON object");
    }
    if (set.duplicate()) {
      throw new InvalidKeySetException("key set has a member twice");
    }
    if (!(set.get("keys") instanceof JsonValue.Elements(List<JsonValue> keys))) {
      throw new InvalidKeySetException("key set has no array \"keys\"");
    }
    return keys;
  }

  private static @Nullable String keyId(JsonValue value) {
    String keyId = value instanceof JsonValue.Members jwk ? jwk.text("kid") : null;
    return keyId == null ? null : Printable.cut(keyId, SHOWN_KEY_ID);
  }

  /** Whether no key can be used. */
  public boolean isEmpty() {
    return keys.isEmpty();
  }

  /** Number of usable keys. */
  public int size() {
    return keys.size();
  }

  /** Whether a key has a {@code kid}. */
  public boolean knows(String keyId) {
    return named.containsKey(keyId);
  }

  /**
   * Keys that a token may be signed by, at most {@link #MAX_CANDIDATES}: those of its {@code kid}
   * that fit its algorithm, or all that fit when it has none.
   *
   * @param keyId {@code kid} of the token; null without one
   */
  public List<VerificationKey> candidates(@Nullable String keyId, SignatureAlgorithm algorithm) {
    if (keyId != null) {
      List<VerificationKey> known = named.get(keyId);
      return known == null ? List.of() : fitting(known, algorithm);
    }
    List<VerificationKey> all = unnamed.get(algorithm);
    return all == null ? List.of() : all;
  }

  private static List<VerificationKey> fitting(
      List<VerificationKey> keys, SignatureAlgorithm algorithm) {
    return keys.stream().filter(key -> key.fits(algorithm)).limit(MAX_CANDIDATES).toList();
  }

  /** Keys that are not used, in the order of the text. */
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

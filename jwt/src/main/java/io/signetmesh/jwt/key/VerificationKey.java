package io.signetmesh.jwt.key;

import io.signetmesh.jwt.jose.CompactJws;
import io.signetmesh.jwt.jose.JsonValue;
import java.security.GeneralSecurityException;
import java.security.Signature;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A public key that signatures of tokens are verified with. Immutable. */
public final class VerificationKey {
  private static final Logger log = LoggerFactory.getLogger(VerificationKey.class);

  private final KeyType type;
  private final @Nullable String keyId;
  private final @Nullable SignatureAlgorithm algorithm;
  private final ProviderKeys keys;
  private final String text;
  private final byte[] thumbprint;
  private final int bits;

  VerificationKey(
      KeyType type,
      @Nullable String keyId,
      @Nullable SignatureAlgorithm algorithm,
      ProviderKeys keys,
      String text,
      byte[] thumbprint) {
    this.type = type;
    this.keyId = keyId;
    this.algorithm = algorithm;
    this.keys = keys;
    this.text = text;
    this.thumbprint = thumbprint;
    this.bits = keys.bits();
  }

  /**
   * Reads a JWK, for example of a proof of possession.
   *
   * @throws UnusableKeyException when it is malformed, weak, has private parts or is for something
   *     else
   */
  public static VerificationKey read(JsonValue.Members jwk) throws UnusableKeyException {
    return JwkReader.read(jwk);
  }

  /** Its {@code kid}; null without one. */
  public @Nullable String keyId() {
    return keyId;
  }

  /** Bits of an RSA modulus or of a coordinate. */
  public int bits() {
    return bits;
  }

  /** SHA-256 thumbprint (RFC 7638), 32 bytes. */
  public byte[] thumbprint() {
    return thumbprint.clone();
  }

  /** Whether the key is for an algorithm, by its type, curve and own {@code alg}. */
  public boolean fits(SignatureAlgorithm wanted) {
    return wanted.keyType() == type && (algorithm == null || algorithm == wanted);
  }

  /** Whether the signature of a JWS is by this key and an algorithm that it {@link #fits}. */
  public boolean verifies(CompactJws jws, SignatureAlgorithm by) {
    if (!fits(by)) {
      return false;
    }
    return jws.verify((bytes, length, signature) -> verifies(bytes, length, signature, by));
  }

  /** Canonical JWK. */
  String text() {
    return text;
  }

  private boolean verifies(byte[] bytes, int length, byte[] signature, SignatureAlgorithm by) {
    if (signature.length != signatureLength() || type.coordinate() > 0 && hasZeroHalf(signature)) {
      return false;
    }
    try {
      Signature verifier = keys.verifier(by);
      verifier.update(bytes, 0, length);
      return verifier.verify(signature);
    } catch (GeneralSecurityException | RuntimeException e) {
      // A signature that is none; the message may quote it.
      log.debug("a signature by {} cannot be verified: {}", by, e.getClass().getName());
      return false;
    }
  }

  private int signatureLength() {
    return type.coordinate() > 0 ? 2 * type.coordinate() : (bits + 7) / 8;
  }

  /** Whether r or s is zero, which no signature has (CVE-2022-21449). */
  private boolean hasZeroHalf(byte[] signature) {
    if (type == KeyType.ED25519) {
      return false;
    }
    return isZero(signature, 0, type.coordinate())
        || isZero(signature, type.coordinate(), signature.length);
  }

  private static boolean isZero(byte[] bytes, int from, int to) {
    for (int i = from; i < to; i++) {
      if (bytes[i] != 0) {
        return false;
      }
    }
    return true;
  }

  @Override
  public String toString() {
    return text;
  }
}

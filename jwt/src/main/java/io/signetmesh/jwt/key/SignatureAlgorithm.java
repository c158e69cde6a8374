package io.signetmesh.jwt.key;

import java.security.spec.AlgorithmParameterSpec;
import java.security.spec.MGF1ParameterSpec;
import java.security.spec.PSSParameterSpec;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Algorithms that a token may be signed by: those of RFC 7518 section 3.1 with a public key, and
 * EdDSA (RFC 8037) with Ed25519. Neither {@code none} nor HMAC is one.
 */
public enum SignatureAlgorithm {
  /** ECDSA with P-256 and SHA-256. */
  ES256(KeyType.P256, "SHA256withECDSAinP1363Format", null),
  /** ECDSA with P-384 and SHA-384. */
  ES384(KeyType.P384, "SHA384withECDSAinP1363Format", null),
  /** ECDSA with P-521 and SHA-512. */
  ES512(KeyType.P521, "SHA512withECDSAinP1363Format", null),
  /** RSASSA-PKCS1-v1_5 with SHA-256. */
  RS256(KeyType.RSA, "SHA256withRSA", null),
  /** RSASSA-PKCS1-v1_5 with SHA-384. */
  RS384(KeyType.RSA, "SHA384withRSA", null),
  /** RSASSA-PKCS1-v1_5 with SHA-512. */
  RS512(KeyType.RSA, "SHA512withRSA", null),
  /** RSASSA-PSS with SHA-256. */
  PS256(KeyType.RSA, "RSASSA-PSS", pss("SHA-256", 32)),
  /** RSASSA-PSS with SHA-384. */
  PS384(KeyType.RSA, "RSASSA-PSS", pss("SHA-384", 48)),
  /** RSASSA-PSS with SHA-512. */
  PS512(KeyType.RSA, "RSASSA-PSS", pss("SHA-512", 64)),
  /** Ed25519. */
  EdDSA(KeyType.ED25519, "Ed25519", null);

  private static final Map<String, SignatureAlgorithm> BY_NAME = new LinkedHashMap<>();

  static {
    for (SignatureAlgorithm algorithm : values()) {
      BY_NAME.put(algorithm.name(), algorithm);
    }
  }

  private final KeyType keyType;
  private final String jca;
  private final @Nullable AlgorithmParameterSpec parameters;

  SignatureAlgorithm(KeyType keyType, String jca, @Nullable AlgorithmParameterSpec parameters) {
    this.keyType = keyType;
    this.jca = jca;
    this.parameters = parameters;
  }

  /** The algorithm of a name, as headers write it; null when it is none of these. */
  public static @Nullable SignatureAlgorithm of(String name) {
    return BY_NAME.get(name);
  }

  /** All names, in the order of this type. */
  public static List<String> names() {
    return Arrays.stream(values()).map(Enum::name).toList();
  }

  KeyType keyType() {
    return keyType;
  }

  /** Name of the {@link java.security.Signature}. */
  String jca() {
    return jca;
  }

  /** Parameters of the {@link java.security.Signature}; null for none. */
  @Nullable AlgorithmParameterSpec parameters() {
    return parameters;
  }

  private static AlgorithmParameterSpec pss(String digest, int saltLength) {
    return new PSSParameterSpec(
        digest,
        "MGF1",
        new MGF1ParameterSpec(digest),
        saltLength,
        PSSParameterSpec.TRAILER_FIELD_BC);
  }
}

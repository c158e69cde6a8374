package io.signetmesh.jwt;

import io.signetmesh.jwt.jose.Base64Url;
import io.signetmesh.jwt.jose.CompactJws;
import io.signetmesh.jwt.jose.JsonValue;
import io.signetmesh.jwt.jose.MalformedException;
import io.signetmesh.jwt.key.SignatureAlgorithm;
import io.signetmesh.jwt.key.UnusableKeyException;
import io.signetmesh.jwt.key.VerificationKey;
import io.signetmesh.jwt.proof.ProofUri;
import java.math.RoundingMode;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import org.jspecify.annotations.Nullable;

/** A proof of possession (RFC 9449 section 4.2) that was read; its signature was not verified. */
final class DpopProof {
  private static final String TYPE = "dpop+jwt";
  private static final int MAX_ID = 1024;

  /** Bits of an RSA key, which the client has chosen: larger ones take too long. */
  private static final int MAX_RSA = 4096;

  private final CompactJws jws;
  private final SignatureAlgorithm algorithm;
  private final VerificationKey verifier;
  private final Thumbprint key;
  private final String id;
  private final String method;
  private final String uri;
  private final byte[] tokenDigest;
  private final long issued;
  private final @Nullable String nonce;

  private DpopProof(CompactJws jws) throws MalformedException {
    this.jws = jws;
    JsonValue.Members header = jws.header();
    String name = required(header, "alg");
    SignatureAlgorithm known = SignatureAlgorithm.of(name);
    if (known == null
        || header.get("crit") != null
        || !required(header, "typ").equalsIgnoreCase(TYPE)) {
      throw new MalformedException("not a proof of possession");
    }
    this.algorithm = known;
    this.verifier = key(header, known);
    this.key = Thumbprint.of(verifier.thumbprint());
    JsonValue.Members claims = jws.claims();
    this.id = required(claims, "jti");
    this.method = required(claims, "htm");
    String normal = ProofUri.normal(required(claims, "htu"));
    byte[] digest = Base64Url.decode(required(claims, "ath"));
    Long time = StandardClaims.time(claims, "iat", RoundingMode.FLOOR);
    if (id.isEmpty() || id.length() > MAX_ID || normal == null || digest == null || time == null) {
      throw new MalformedException("a claim is missing, or not in its form");
    }
    this.uri = normal;
    this.tokenDigest = digest;
    this.issued = time;
    this.nonce = StandardClaims.text(claims, "nonce");
  }

  /**
   * Reads a proof.
   *
   * @throws MalformedException when a part is missing or not in its form
   */
  static DpopProof of(CompactJws jws) throws MalformedException {
    return new DpopProof(jws);
  }

  private static VerificationKey key(JsonValue.Members header, SignatureAlgorithm algorithm)
      throws MalformedException {
    if (!(header.get("jwk") instanceof JsonValue.Members jwk)) {
      throw new MalformedException("jwk is missing");
    }
    try {
      VerificationKey key = VerificationKey.read(jwk);
      if (!key.fits(algorithm) || key.bits() > MAX_RSA) {
        throw new MalformedException("jwk is not for " + algorithm);
      }
      return key;
    } catch (UnusableKeyException e) {
      throw new MalformedException("jwk: " + e.getMessage());
    }
  }

  private static String required(JsonValue.Members members, String name) throws MalformedException {
    String text = StandardClaims.text(members, name);
    if (text == null) {
      throw new MalformedException(name + " is missing");
    }
    return text;
  }

  /** Thumbprint of the key that it proves. */
  Thumbprint key() {
    return key;
  }

  /** {@code jti}. */
  String id() {
    return id;
  }

  /** {@code iat}, in milliseconds since 1970. */
  long issued() {
    return issued;
  }

  /** {@code nonce}; null without one. */
  @Nullable String nonce() {
    return nonce;
  }

  /** Whether it was made for a request and a token. */
  boolean isFor(String requestMethod, String normalUri, byte[] token) {
    return method.equals(requestMethod)
        && uri.equals(normalUri)
        && MessageDigest.isEqual(tokenDigest, sha256(token));
  }

  /** Whether its signature is by its key. Takes the time of a verification. */
  boolean isSigned() {
    return verifier.verifies(jws, algorithm);
  }

  private static byte[] sha256(byte[] bytes) {
    try {
      return MessageDigest.getInstance("SHA-256").digest(bytes);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }
}

package io.signetmesh.jwt;

/** Why a token does not pass an authentication. The codes are stable and appear in records. */
public enum TokenFailure {
  /** Not a JWS in compact form with claims in strict JSON, or a claim of the wrong type. */
  MALFORMED("malformed", Kind.INVALID),
  /** Longer than 16 KiB. */
  TOO_LARGE("too-large", Kind.INVALID),
  /** The request carries more than one. */
  MULTIPLE_TOKENS("multiple-tokens", Kind.INVALID),
  /** The header's {@code typ} says that it is made for something else (RFC 8725 section 3.11). */
  TYPE("type", Kind.INVALID),
  /** Signed by an algorithm that is not allowed, or not signed. */
  ALGORITHM("algorithm", Kind.INVALID),
  /** The header has {@code crit} (RFC 7515 section 4.1.11). */
  CRITICAL_HEADER("critical-header", Kind.INVALID),
  /** The key set has no key with the token's {@code kid}, or none at all for its algorithm. */
  KEY_UNKNOWN("key-unknown", Kind.INVALID),
  /** The issuer's keys could not be had yet. */
  KEYS_UNAVAILABLE("keys-unavailable", Kind.INVALID),
  /** The issuer's keys were last had too long ago. */
  KEYS_EXPIRED("keys-expired", Kind.INVALID),
  /** The key with the token's {@code kid} is not for the token's algorithm. */
  KEY_UNSUITABLE("key-unsuitable", Kind.INVALID),
  /** The signature is not of a key of the issuer. */
  SIGNATURE("signature", Kind.INVALID),
  /** {@code iss} is another issuer, or missing. */
  ISSUER("issuer", Kind.INVALID),
  /** {@code aud} has none of the audiences. */
  AUDIENCE("audience", Kind.INVALID),
  /** {@code exp} is missing. */
  EXPIRY_MISSING("expiry-missing", Kind.INVALID),
  /** {@code exp} has passed. */
  EXPIRED("expired", Kind.INVALID),
  /** {@code nbf} is to come. */
  NOT_YET_VALID("not-yet-valid", Kind.INVALID),
  /** {@code iat} is to come. */
  ISSUED_IN_FUTURE("issued-in-future", Kind.INVALID),
  /** {@code iat} is too long ago, or missing where an age is demanded. */
  TOO_OLD("too-old", Kind.INVALID),
  /** {@code cnf} does not name what the token has to be bound to. */
  BINDING_MISSING("binding-missing", Kind.INVALID),
  /** The client's certificate is not the one that the token is bound to. */
  CERTIFICATE_MISMATCH("certificate-mismatch", Kind.INVALID),
  /** The request has no proof of possession. */
  PROOF_MISSING("proof-missing", Kind.INVALID),
  /** The proof of possession is not for this request, token or key. */
  PROOF_INVALID("proof-invalid", Kind.INVALID),
  /** The proof of possession was used before, or the key has used too many to tell. */
  PROOF_REPLAYED("proof-replayed", Kind.INVALID),
  /** The proof of possession has no nonce, or one that has ended. The client gets a new one. */
  PROOF_NONCE("proof-nonce", Kind.INVALID),
  /** The token is good, but a claim is not as required. */
  CLAIM("claim", Kind.CLAIMS);

  /** Which answer a failure leads to. */
  public enum Kind {
    /** The token proves nothing: 401 (RFC 6750 section 3.1, {@code invalid_token}). */
    INVALID,
    /** The token proves too little: 403 ({@code insufficient_scope}). */
    CLAIMS
  }

  private final String code;
  private final Kind kind;

  TokenFailure(String code, Kind kind) {
    this.code = code;
    this.kind = kind;
  }

  /** Stable lower-case code with hyphens. */
  public String code() {
    return code;
  }

  /** Which answer it leads to. */
  public Kind kind() {
    return kind;
  }

  /** Whether it is said by the keys alone, so that others could say otherwise. */
  boolean isOfKeys() {
    return this == KEY_UNKNOWN || this == KEY_UNSUITABLE || this == SIGNATURE;
  }
}

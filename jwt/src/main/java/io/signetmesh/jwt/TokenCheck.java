package io.signetmesh.jwt;

import io.signetmesh.jwt.claim.ClaimRequirement;
import io.signetmesh.jwt.jose.Base64Url;
import io.signetmesh.jwt.jose.CompactJws;
import io.signetmesh.jwt.jose.JsonValue;
import io.signetmesh.jwt.jose.MalformedException;
import io.signetmesh.jwt.jose.Printable;
import io.signetmesh.jwt.key.KeySet;
import io.signetmesh.jwt.key.SignatureAlgorithm;
import io.signetmesh.jwt.key.VerificationKey;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The checks of one token, in order. Without a log they end with the first that fails. Cheap ones
 * come first, and the issuer before its keys: a token of another issuer says nothing about them.
 */
final class TokenCheck {
  private static final int SHOWN = 256;
  private static final int SHOWN_IN_LOG = 64;
  private static final int THUMBPRINT = 32;

  /** What tokens for resources say in {@code typ}; other types are for other purposes. */
  private static final Set<String> TYPES = Set.of("jwt", "at+jwt", "jose");

  private final TokenRules rules;
  private final @Nullable CheckLog log;

  private @Nullable TokenFailure failure;
  private @Nullable String detail;
  private @Nullable String unknownKeyId;
  private @Nullable TokenPrincipal principal;

  private TokenCheck(TokenRules rules, @Nullable CheckLog log) {
    this.rules = rules;
    this.log = log;
  }

  /** Makes the checks. Does not throw, whatever the bytes are. */
  static TokenResult of(byte[] token, TokenRules rules, @Nullable CheckLog log) {
    if (token.length > TokenFinder.MAX_TOKEN) {
      return new TokenCheck(rules, log)
          .broken(
              TokenFailure.TOO_LARGE,
              "token of " + token.length + " bytes: expected at most " + TokenFinder.MAX_TOKEN);
    }
    TokenCheck check = new TokenCheck(rules, log);
    try {
      return check.run(CompactJws.parse(token));
    } catch (MalformedException e) {
      return check.broken(TokenFailure.MALFORMED, String.valueOf(e.getMessage()));
    }
  }

  /**
   * Makes the checks of claims as if their issuer had signed them.
   *
   * @param header JSON of a header to check as well; null for none
   * @param payload JSON of the claims
   */
  static TokenResult assumed(byte @Nullable [] header, byte[] payload, TokenRules rules) {
    TokenCheck check = new TokenCheck(rules, null);
    try {
      return check.runAssumed(header, payload);
    } catch (MalformedException e) {
      return check.broken(TokenFailure.MALFORMED, String.valueOf(e.getMessage()));
    }
  }

  private TokenResult runAssumed(byte @Nullable [] header, byte[] payload)
      throws MalformedException {
    String keyId = null;
    if (header != null) {
      JsonValue.Members members = CompactJws.object("header", header);
      keyId = StandardClaims.text(members, "kid");
      if (algorithm(members) == null || !header(members)) {
        return ended(TokenResult.Times.ofKeys(new KeysEnd(Long.MAX_VALUE)));
      }
    }
    return afterHeader(
        CompactJws.object("payload", payload),
        Base64.getUrlEncoder().withoutPadding().encodeToString(payload),
        keyId,
        new KeysEnd(Long.MAX_VALUE),
        () -> true);
  }

  /** What nothing can be checked of any more. */
  private TokenResult broken(TokenFailure found, String why) {
    failed("form", found, why);
    return TokenResult.failed(failure == null ? found : failure, detail == null ? why : detail);
  }

  private TokenResult run(CompactJws jws) throws MalformedException {
    String keyId = StandardClaims.text(jws.header(), "kid");
    SignatureAlgorithm algorithm = algorithm(jws.header());
    if (algorithm == null || !header(jws.header())) {
      return ended(TokenResult.Times.ofKeys(new KeysEnd(Long.MAX_VALUE)));
    }
    return afterHeader(
        jws.claims(),
        jws.payloadText(),
        keyId,
        rules.keysEnd(),
        () -> signature(jws, keyId, algorithm));
  }

  /**
   * The checks after those of the header.
   *
   * @param payload the claims in base64url
   * @param keysEnd when the keys end
   * @param signature checks the signature
   */
  private TokenResult afterHeader(
      JsonValue.Members members,
      String payload,
      @Nullable String keyId,
      KeysEnd keysEnd,
      BooleanSupplier signature)
      throws MalformedException {
    StandardClaims claims = StandardClaims.of(members);
    passed("form", "a signed JWT");
    TokenResult.Times times = times(claims, keysEnd);
    if (!issuer(claims) && log == null) {
      return ended(times);
    }
    if (!signature.getAsBoolean()) {
      if (log == null) {
        return ended(times);
      }
    } else {
      principal =
          new TokenPrincipal(
              Printable.cut(rules.issuer(), SHOWN),
              shown(claims.subject()),
              shown(claims.id()),
              shown(keyId));
    }
    if (!audience(claims) && log == null || !presence(claims) && log == null) {
      return ended(times);
    }
    Thumbprint certificate = binding(members, Binding.CERTIFICATE, "x5t#S256");
    Thumbprint proofKey = binding(members, Binding.DPOP, "jkt");
    if (failure != null && log == null || !claims(members) || failure != null) {
      return ended(times);
    }
    if (principal == null) {
      throw new IllegalStateException("no signature was verified");
    }
    return TokenResult.passed(
        times, principal, ForwardedFields.of(rules, members, payload), certificate, proofKey);
  }

  private TokenResult ended(TokenResult.Times times) {
    if (failure == null || detail == null) {
      throw new IllegalStateException("no check has failed");
    }
    return failure == TokenFailure.KEY_UNKNOWN
        ? TokenResult.unknownKey(detail, times, unknownKeyId)
        : TokenResult.failed(failure, detail, times, principal);
  }

  private @Nullable SignatureAlgorithm algorithm(JsonValue.Members header)
      throws MalformedException {
    String name = StandardClaims.text(header, "alg");
    if (name == null) {
      throw new MalformedException("alg is missing");
    }
    SignatureAlgorithm algorithm = SignatureAlgorithm.of(name);
    if (algorithm == null || !rules.algorithms().contains(algorithm)) {
      failed(
          "algorithm",
          TokenFailure.ALGORITHM,
          "alg is not allowed: expected one of " + joined(rules.algorithms()));
      return null;
    }
    passed("algorithm", name);
    return algorithm;
  }

  /** Whether the header demands nothing, and is that of a token for resources. */
  private boolean header(JsonValue.Members header) throws MalformedException {
    if (header.get("crit") != null) {
      failed(
          "header",
          TokenFailure.CRITICAL_HEADER,
          "the header has crit: expected none, no extension is known");
      return false;
    }
    String type = StandardClaims.text(header, "typ");
    if (type != null) {
      String lower = type.toLowerCase(Locale.ROOT);
      if (lower.startsWith("application/")) {
        lower = lower.substring("application/".length());
      }
      if (!TYPES.contains(lower)) {
        failed(
            "header",
            TokenFailure.TYPE,
            "typ is for another purpose: expected none, JWT or at+jwt");
        return false;
      }
    }
    passed("header", "nothing that has to be understood");
    return true;
  }

  private boolean issuer(StandardClaims claims) {
    if (rules.issuer().equals(claims.issuer())) {
      passed("iss", rules.issuer());
      return true;
    }
    failed(
        "iss",
        TokenFailure.ISSUER,
        "iss is "
            + (claims.issuer() == null ? "missing" : "another")
            + ": expected "
            + rules.issuer());
    return false;
  }

  private boolean signature(CompactJws jws, @Nullable String keyId, SignatureAlgorithm algorithm) {
    KeySet keys = rules.keys();
    if (keys == null) {
      failed(
          "key",
          TokenFailure.KEYS_UNAVAILABLE,
          "keys of the issuer are not available: " + rules.unavailable());
      return false;
    }
    List<VerificationKey> candidates = keys.candidates(keyId, algorithm);
    if (candidates.isEmpty()) {
      if (keyId != null && keys.knows(keyId)) {
        failed(
            "key",
            TokenFailure.KEY_UNSUITABLE,
            "the issuer's key with the token's kid is not for " + algorithm);
      } else {
        unknownKeyId = keyId;
        failed(
            "key",
            TokenFailure.KEY_UNKNOWN,
            keyId == null
                ? "the issuer has no key for " + algorithm
                : "the issuer has no key with the token's kid");
      }
      return false;
    }
    if (log != null) {
      passed(
          "key",
          keyId == null
              ? candidates.size() + " of the issuer fit, the token has no kid"
              : "kid " + Printable.cut(keyId, SHOWN_IN_LOG));
    }
    for (VerificationKey key : candidates) {
      if (key.verifies(jws, algorithm)) {
        passed("signature", "by that key");
        return true;
      }
    }
    failed("signature", TokenFailure.SIGNATURE, "the signature is not by a key of the issuer");
    return false;
  }

  private boolean audience(StandardClaims claims) {
    if (rules.audiences().isEmpty()) {
      passed("aud", "any");
      return true;
    }
    for (String audience : rules.audiences()) {
      if (claims.audience().contains(audience)) {
        passed("aud", audience);
        return true;
      }
    }
    failed(
        "aud",
        TokenFailure.AUDIENCE,
        "aud has none of the audiences: expected " + String.join(" or ", rules.audiences()));
    return false;
  }

  /** Whether the times that are demanded are there. */
  private boolean presence(StandardClaims claims) {
    boolean there = true;
    if (claims.expiry() == null && !rules.expiryOptional()) {
      failed("exp", TokenFailure.EXPIRY_MISSING, "exp is missing");
      there = false;
    } else {
      passed("exp", shown(claims.expiry()));
    }
    if (rules.maxAge() != null) {
      if (claims.issued() == null) {
        failed("iat", TokenFailure.TOO_OLD, "iat is missing: the age of the token is limited");
        there = false;
      } else {
        passed("iat", shown(claims.issued()));
      }
    }
    return there;
  }

  /** What the token is bound to; null when that is not demanded, or missing. */
  private @Nullable Thumbprint binding(JsonValue.Members members, Binding binding, String name)
      throws MalformedException {
    if (rules.boundTo() != binding) {
      return null;
    }
    JsonValue confirmation = members.get("cnf");
    String text = null;
    if (confirmation instanceof JsonValue.Members cnf) {
      text = StandardClaims.text(cnf, name);
    } else if (confirmation != null) {
      throw new MalformedException("cnf is no object");
    }
    if (text == null) {
      failed("cnf", TokenFailure.BINDING_MISSING, "cnf." + name + " is missing");
      return null;
    }
    byte[] digest = Base64Url.decodeAnyEnd(text);
    if (digest == null || digest.length != THUMBPRINT) {
      throw new MalformedException("cnf." + name + " is no SHA-256 digest in base64url");
    }
    passed("cnf", name + " " + text);
    return Thumbprint.of(digest);
  }

  private boolean claims(JsonValue.Members members) {
    List<ClaimRequirement> missed = new ArrayList<>();
    for (ClaimRequirement claim : rules.claims()) {
      if (!claim.holds(members)) {
        missed.add(claim);
      } else if (log != null) {
        passed("claim", claim.toString());
      }
    }
    if (missed.isEmpty()) {
      return true;
    }
    failed(
        "claim",
        TokenFailure.CLAIM,
        missed.stream()
            .map(claim -> "claim " + claim.path() + " is not as required: expected " + claim)
            .collect(Collectors.joining("; ")));
    return false;
  }

  private TokenResult.Times times(StandardClaims claims, KeysEnd keysEnd) {
    long skew = rules.skew();
    Long maxAge = rules.maxAge();
    Long issued = claims.issued();
    return new TokenResult.Times(
        claims.notBefore() == null ? Long.MIN_VALUE : claims.notBefore() - skew,
        issued == null ? Long.MIN_VALUE : issued - skew,
        claims.expiry() == null ? Long.MAX_VALUE : claims.expiry() + skew,
        maxAge == null || issued == null ? Long.MAX_VALUE : issued + maxAge + skew,
        keysEnd);
  }

  private void passed(String name, String why) {
    if (log != null) {
      log.checked(name, true, why);
    }
  }

  private void failed(String name, TokenFailure found, String why) {
    if (failure == null) {
      failure = found;
      detail = why;
    }
    if (log != null) {
      log.checked(name, false, why);
    }
  }

  private static String shown(@Nullable Long millis) {
    return millis == null ? "none" : Instant.ofEpochMilli(millis).toString();
  }

  private static @Nullable String shown(@Nullable String text) {
    return text == null ? null : Printable.cut(text, SHOWN);
  }

  private static String joined(Set<SignatureAlgorithm> algorithms) {
    return algorithms.stream().map(Enum::name).collect(Collectors.joining(", "));
  }
}

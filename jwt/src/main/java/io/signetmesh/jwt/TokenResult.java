package io.signetmesh.jwt;

import io.signetmesh.jwt.jose.Printable;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What came of the verification of a token. Immutable. It may be kept while {@link #isFinal()}. */
public final class TokenResult {
  private static final int SHOWN_KEY_ID = 256;

  private final @Nullable TokenFailure failure;
  private final @Nullable String detail;
  private final Times times;
  private final @Nullable TokenPrincipal principal;
  private final List<ForwardedField> forwarded;
  private final @Nullable Thumbprint certificate;
  private final @Nullable Thumbprint proofKey;
  private final @Nullable String unknownKeyId;

  /**
   * When a token is good, in milliseconds since 1970, tolerances included.
   *
   * @param notBefore from when by {@code nbf}
   * @param issued from when by {@code iat}
   * @param expiry until when by {@code exp}
   * @param age until when by {@code iat} and the longest age
   * @param keys until when by the key set
   */
  record Times(long notBefore, long issued, long expiry, long age, KeysEnd keys) {
    static Times ofKeys(KeysEnd keys) {
      return new Times(Long.MIN_VALUE, Long.MIN_VALUE, Long.MAX_VALUE, Long.MAX_VALUE, keys);
    }
  }

  private TokenResult(
      @Nullable TokenFailure failure,
      @Nullable String detail,
      Times times,
      @Nullable TokenPrincipal principal,
      List<ForwardedField> forwarded,
      @Nullable Thumbprint certificate,
      @Nullable Thumbprint proofKey,
      @Nullable String unknownKeyId) {
    this.failure = failure;
    this.detail = detail;
    this.times = times;
    this.principal = principal;
    this.forwarded = forwarded;
    this.certificate = certificate;
    this.proofKey = proofKey;
    this.unknownKeyId = unknownKeyId;
  }

  static TokenResult passed(
      Times times,
      TokenPrincipal principal,
      List<ForwardedField> forwarded,
      @Nullable Thumbprint certificate,
      @Nullable Thumbprint proofKey) {
    return new TokenResult(
        null, null, times, principal, List.copyOf(forwarded), certificate, proofKey, null);
  }

  /** Failed before its times were read, or whatever they are. */
  static TokenResult failed(TokenFailure failure, String detail) {
    return failed(failure, detail, Times.ofKeys(new KeysEnd(Long.MAX_VALUE)), null);
  }

  static TokenResult failed(
      TokenFailure failure, String detail, Times times, @Nullable TokenPrincipal principal) {
    return new TokenResult(failure, detail, times, principal, List.of(), null, null, null);
  }

  static TokenResult unknownKey(String detail, Times times, @Nullable String keyId) {
    return new TokenResult(
        TokenFailure.KEY_UNKNOWN,
        detail,
        times,
        null,
        List.of(),
        null,
        null,
        keyId == null ? null : Printable.ascii(keyId, SHOWN_KEY_ID));
  }

  /** The first check that failed, of those that do not depend on time or request; null: none. */
  public @Nullable TokenFailure failure() {
    return failure;
  }

  /**
   * Whether the token passes at a time: {@link #failure()}, or EXPIRED, NOT_YET_VALID,
   * ISSUED_IN_FUTURE, TOO_OLD or KEYS_EXPIRED. A time comes before CLAIM, and what the keys have
   * said counts no more when they have ended. Allocates nothing.
   *
   * @return null when it passes
   */
  public @Nullable TokenFailure failureAt(long epochMillis) {
    if (failure != null && failure.kind() == TokenFailure.Kind.INVALID) {
      return epochMillis >= times.keys.millis() && failure.isOfKeys()
          ? TokenFailure.KEYS_EXPIRED
          : failure;
    }
    TokenFailure found = timeFailureAt(epochMillis);
    return found == null ? failure : found;
  }

  /**
   * Which time does not hold, whatever else has failed: EXPIRED, NOT_YET_VALID, ISSUED_IN_FUTURE,
   * TOO_OLD or KEYS_EXPIRED. Allocates nothing.
   *
   * @return null when all hold, or the times could not be read
   */
  public @Nullable TokenFailure timeFailureAt(long epochMillis) {
    if (epochMillis >= times.expiry) {
      return TokenFailure.EXPIRED;
    }
    if (epochMillis < times.notBefore) {
      return TokenFailure.NOT_YET_VALID;
    }
    if (epochMillis < times.issued) {
      return TokenFailure.ISSUED_IN_FUTURE;
    }
    if (epochMillis >= times.age) {
      return TokenFailure.TOO_OLD;
    }
    if (epochMillis >= times.keys.millis()) {
      return TokenFailure.KEYS_EXPIRED;
    }
    return null;
  }

  /**
   * One sentence on {@link #failure()}: names of claims and expected values, never a value of the
   * token. Null when there is no failure.
   */
  public @Nullable String detail() {
    return detail;
  }

  /** As {@link #detail()}, on {@link #failureAt}. */
  public @Nullable String detailAt(long epochMillis) {
    TokenFailure then = failureAt(epochMillis);
    return then == null || then == failure ? detail : timeDetail(then, epochMillis);
  }

  /** One sentence on {@link #timeFailureAt}; null when all times hold. */
  public @Nullable String timeDetailAt(long epochMillis) {
    TokenFailure then = timeFailureAt(epochMillis);
    return then == null ? null : timeDetail(then, epochMillis);
  }

  private String timeDetail(TokenFailure then, long epochMillis) {
    return switch (then) {
      case EXPIRED -> since("exp", times.expiry, epochMillis);
      case TOO_OLD -> since("the age by iat", times.age, epochMillis);
      case NOT_YET_VALID -> until("nbf", times.notBefore, epochMillis);
      case ISSUED_IN_FUTURE -> until("iat", times.issued, epochMillis);
      default ->
          "the issuer's keys could not be had since " + Instant.ofEpochMilli(times.keys.millis());
    };
  }

  private static String since(String what, long end, long now) {
    return what + " has ended, " + (now - end) / 1000 + " s beyond what is tolerated";
  }

  private static String until(String what, long begin, long now) {
    return what + " is to come, " + (begin - now + 999) / 1000 + " s beyond what is tolerated";
  }

  /** Who the token says its bearer is; null unless the signature was verified. */
  public @Nullable TokenPrincipal principal() {
    return principal;
  }

  /** Fields for the application; empty unless {@link #failure()} is null. */
  public List<ForwardedField> forwarded() {
    return forwarded;
  }

  /**
   * The certificate that the client has to have; null unless the authentication is {@link
   * Binding#CERTIFICATE} and {@link #failure()} is null.
   */
  public @Nullable Thumbprint certificate() {
    return certificate;
  }

  /**
   * The key that the client has to prove; null unless the authentication is {@link Binding#DPOP}
   * and {@link #failure()} is null.
   */
  public @Nullable Thumbprint proofKey() {
    return proofKey;
  }

  /** Whether the same token has the same result as long as the authentication is the same. */
  public boolean isFinal() {
    return failure != TokenFailure.KEY_UNKNOWN && failure != TokenFailure.KEYS_UNAVAILABLE;
  }

  /**
   * The token's {@code kid}, cut to 256 bytes, unsafe characters replaced by {@code '?'}; null
   * unless the failure is KEY_UNKNOWN and the token has one.
   */
  public @Nullable String unknownKeyId() {
    return unknownKeyId;
  }

  /** The failure, for logs. */
  @Override
  public String toString() {
    return failure == null ? "passed" : failure.code() + ": " + detail;
  }
}

package io.signetmesh.jwt;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** What came of the verification of a token. Immutable. It may be kept while {@link #isFinal()}. */
public final class TokenResult {
  private final @Nullable TokenFailure failure;
  private final @Nullable String detail;

  private TokenResult(@Nullable TokenFailure failure, @Nullable String detail) {
    this.failure = failure;
    this.detail = detail;
  }

  static TokenResult failed(TokenFailure failure, String detail) {
    return new TokenResult(failure, detail);
  }

  /** The first check that failed, of those that do not depend on time or request; null: none. */
  public @Nullable TokenFailure failure() {
    return failure;
  }

  /**
   * Whether the token passes at a time: {@link #failure()}, or EXPIRED, NOT_YET_VALID,
   * ISSUED_IN_FUTURE, TOO_OLD or KEYS_EXPIRED. A time comes before CLAIM. Allocates nothing.
   *
   * @return null when it passes
   */
  public @Nullable TokenFailure failureAt(long epochMillis) {
    return failure;
  }

  /**
   * Time from which {@link #failureAt} does not change any more, in milliseconds since 1970: the
   * token, its age or its keys have ended. {@link Long#MAX_VALUE}: none. {@link Long#MIN_VALUE}: it
   * never changes.
   */
  public long endsAt() {
    return Long.MIN_VALUE;
  }

  /**
   * One sentence on {@link #failure()}: names of claims and expected values, never a value of the
   * token. Null when there is no failure.
   */
  public @Nullable String detail() {
    return detail;
  }

  /** Who the token says its bearer is; null unless the signature was verified. */
  public @Nullable TokenPrincipal principal() {
    return null;
  }

  /** Fields for the application; empty unless {@link #failure()} is null. */
  public List<ForwardedField> forwarded() {
    return List.of();
  }

  /**
   * The certificate that the client has to have; null unless the authentication is {@link
   * Binding#CERTIFICATE} and {@link #failure()} is null.
   */
  public @Nullable Thumbprint certificate() {
    return null;
  }

  /**
   * The key that the client has to prove; null unless the authentication is {@link Binding#DPOP}
   * and {@link #failure()} is null.
   */
  public @Nullable Thumbprint proofKey() {
    return null;
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
    return null;
  }
}

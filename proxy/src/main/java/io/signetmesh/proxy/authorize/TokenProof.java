package io.signetmesh.proxy.authorize;

import io.signetmesh.jwt.TokenFailure;
import io.signetmesh.jwt.TokenPrincipal;
import io.signetmesh.jwt.TokenResult;
import org.jspecify.annotations.Nullable;

/**
 * What a request proves to one authentication by token.
 *
 * @param result what came of the token; null: the request has none, or what it has was not looked
 *     at
 * @param failure why the token does not pass at the time of the request; null: it passes, or there
 *     is none
 */
public record TokenProof(@Nullable TokenResult result, @Nullable TokenFailure failure) {
  /** The request has no token. */
  public static final TokenProof MISSING = new TokenProof(null, null);

  /**
   * What came of a token at a time.
   *
   * @param epochMillis time of the request
   */
  public static TokenProof of(TokenResult result, long epochMillis) {
    return new TokenProof(result, result.failureAt(epochMillis));
  }

  /** A token that was refused without being verified, such as one of several. */
  public static TokenProof refused(TokenFailure failure) {
    return new TokenProof(null, failure);
  }

  /** Whether the request has no token. */
  public boolean isMissing() {
    return result == null && failure == null;
  }

  /** Whether the token passes. */
  public boolean passes() {
    return result != null && failure == null;
  }

  /**
   * Whether it cannot be told if the application would take the token for one that passes: there is
   * something in its place, and this proxy has not found it to be somebody else's or to say
   * something else. Then a denial that requires the token holds, so that nobody escapes it by a
   * token that only the application reads.
   */
  public boolean isUndecided() {
    return failure != null
        && switch (failure) {
          case CLAIM, ISSUER, AUDIENCE, SIGNATURE, EXPIRED -> false;
          default -> true;
        };
  }

  /** Who the token says the caller is; null unless its signature was verified. */
  public @Nullable TokenPrincipal principal() {
    return result == null ? null : result.principal();
  }
}

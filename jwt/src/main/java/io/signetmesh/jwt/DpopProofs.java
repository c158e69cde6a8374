package io.signetmesh.jwt;

import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * Checks proofs of possession (RFC 9449): one for each workload, which remembers the proofs that
 * were used. Bounded. Thread-safe.
 */
public final class DpopProofs {
  /**
   * Checks the proof of a request. A proof is good once: call it once for a request, or use {@link
   * #of}.
   *
   * @param scheme scheme of the request's URI, {@code http} or {@code https}
   * @param authority authority of the request's URI, as the client wrote it
   * @param token the access token
   * @param jkt {@link TokenResult#proofKey()} of the token
   * @param epochMillis now
   * @param skew tolerated difference of clocks
   * @return null when it proves possession
   */
  public @Nullable TokenFailure check(
      HeadFields head,
      String scheme,
      String authority,
      byte[] token,
      Thumbprint jkt,
      long epochMillis,
      Duration skew) {
    return of(head, scheme, authority).check(token, jkt, epochMillis, skew);
  }

  /** The proof of a request, to be kept with the request. */
  public RequestProof of(HeadFields head, String scheme, String authority) {
    return new RequestProof();
  }

  /** Nonce for clients, in {@code DPoP-Nonce} (RFC 9449 section 8). */
  public String nonce(long epochMillis) {
    return "";
  }

  /**
   * The proof of one request. It can be checked again: for another authentication, or because
   * policy changed. The request's own use of the proof is not a replay. Thread-safe.
   */
  public static final class RequestProof {
    RequestProof() {}

    /** As {@link DpopProofs#check}. */
    public @Nullable TokenFailure check(
        byte[] token, Thumbprint jkt, long epochMillis, Duration skew) {
      return TokenFailure.PROOF_INVALID;
    }
  }
}

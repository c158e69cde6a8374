package io.signetmesh.identity.attest;

/** Evidence was refused. */
public final class AttestationException extends Exception {
  private static final long serialVersionUID = 1L;

  /** Why evidence was refused. */
  public enum Reason {
    /** There is neither a token nor a certificate of the caller. */
    MISSING,
    /** The bytes are no token of the kind expected. */
    MALFORMED,
    /** A token, but not one that authenticates: a bad signature, or a required claim is missing. */
    NOT_AUTHENTICATED,
    /** Of an issuer that is not configured. */
    ISSUER,
    /** For another audience. */
    AUDIENCE,
    /** Its time is over. */
    EXPIRED,
    /** From the future: the clock of this host, or of the one that issued it, is off. */
    CLOCK,
    /** Its claims stand for no workload. */
    CLAIMS,
    /** A join token that nobody has made, or that is forgotten by now. */
    JOIN_UNKNOWN,
    /** A join token that has been used: somebody replays it, or an answer was lost. */
    JOIN_USED,
    /** A join token that was revoked. */
    JOIN_REVOKED,
    /** Too many attempts failed from the caller's address. */
    ATTEMPTS,
    /** The caller's certificate is not one that may be renewed: unknown, revoked or expired. */
    LEAF,
    /** The caller has renewed for too long without a token. */
    RENEWAL_LIMIT,
    /** It could not be found out. */
    UNAVAILABLE
  }

  private final Reason reason;

  /** A refusal. The message must not hold a token; it may name one by the start of its digest. */
  public AttestationException(Reason reason, String message) {
    super(message);
    this.reason = reason;
  }

  /** Why the evidence was refused. */
  public Reason reason() {
    return reason;
  }
}

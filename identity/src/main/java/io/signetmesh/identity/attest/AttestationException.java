package io.signetmesh.identity.attest;

/** Why a token was not taken. */
public final class AttestationException extends Exception {
  private static final long serialVersionUID = 1L;

  /** What kind of refusal it is. */
  public enum Reason {
    /** The bytes are no token of the kind expected. */
    MALFORMED,
    /** A token, but not one that authenticates: foreign, expired, for another audience. */
    NOT_AUTHENTICATED,
    /** It could not be found out. */
    UNAVAILABLE
  }

  private final Reason reason;

  /** Made with an explanation that names the token by the start of its digest, if at all. */
  public AttestationException(Reason reason, String message) {
    super(message);
    this.reason = reason;
  }

  /** What kind of refusal it is. */
  public Reason reason() {
    return reason;
  }
}

package io.signetmesh.identity.ca;

/** A certificate signing request that breaks a rule. The message says which, for the requester. */
public final class RequestRefusedException extends Exception {
  private static final long serialVersionUID = 1L;

  private final Reason reason;

  /** Which rule a request breaks. */
  public enum Reason {
    /** It names another workload, or more than that one. */
    NAMES,
    /** It asks for a CA certificate. */
    CA,
    /** Its key is of a kind that is not taken. */
    KEY,
    /** It is not signed by its own key. */
    POSSESSION
  }

  RequestRefusedException(Reason reason, Throwable cause) {
    super(String.valueOf(cause.getMessage()), cause);
    this.reason = reason;
  }

  /** Which rule the request breaks. */
  public Reason reason() {
    return reason;
  }
}

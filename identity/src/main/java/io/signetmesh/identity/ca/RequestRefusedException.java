package io.signetmesh.identity.ca;

/** A signing request that breaks a rule; the message says which, for the requester to read. */
public final class RequestRefusedException extends Exception {
  private static final long serialVersionUID = 1L;

  RequestRefusedException(String message, Throwable cause) {
    super(message, cause);
  }
}

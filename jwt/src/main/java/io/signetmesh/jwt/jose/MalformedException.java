package io.signetmesh.jwt.jose;

/** A text is not in its form. The message says where and why, and quotes nothing of it. */
public final class MalformedException extends Exception {
  private static final long serialVersionUID = 1L;

  /** With a reason that quotes nothing of the text. */
  public MalformedException(String message) {
    // Thrown for each bad token of a stranger: the stack would cost more than the check.
    super(message, null, false, false);
  }
}

package io.signetmesh.rego;

/**
 * A policy bundle or its settings cannot be used, because a part of it is missing, out of range or
 * unknown to this version. No request passes it.
 */
public final class InvalidRegoException extends Exception {
  private static final long serialVersionUID = 1L;

  private final boolean passing;

  /** Refused for good. */
  public InvalidRegoException(String message) {
    this(message, false);
  }

  /**
   * @param passing whether the same may be accepted later, because it depends on the state of the
   *     process
   */
  InvalidRegoException(String message, boolean passing) {
    super(message);
    this.passing = passing;
  }

  /**
   * Whether the same may be accepted later: it was refused for lack of memory that others have now.
   */
  public boolean passing() {
    return passing;
  }
}

package io.signetmesh.rotation;

/**
 * What an operator asks for cannot be done in the state that things are in. The message says why
 * and, where there is something to do, what; nothing has changed.
 */
public final class RotationRefusedException extends IllegalStateException {
  private static final long serialVersionUID = 1L;

  /** A refusal with its reason. */
  public RotationRefusedException(String message) {
    super(message);
  }
}

package io.signetmesh.jwt.key;

/** A JWK cannot be used. */
public final class UnusableKeyException extends Exception {
  private static final long serialVersionUID = 1L;

  private final KeyFinding.Kind kind;

  UnusableKeyException(KeyFinding.Kind kind, String message) {
    // Thrown for keys of strangers too, in proofs of possession.
    super(message, null, false, false);
    this.kind = kind;
  }

  /** Whether somebody has to do something. */
  public KeyFinding.Kind kind() {
    return kind;
  }
}

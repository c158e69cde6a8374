package io.signetmesh.rotation;

import java.io.IOException;

/** Somebody else has written a rotation since it was read. Whoever reads it again may try again. */
public final class StaleRotationException extends IOException {
  private static final long serialVersionUID = 1L;

  /**
   * A write that was refused.
   *
   * @param based the version that it was based on
   * @param found the version that is kept
   */
  public StaleRotationException(String rotation, String based, String found) {
    super(
        "rotation "
            + rotation
            + " was changed by somebody else: the change is based on version '"
            + based
            + "', and '"
            + found
            + "' is kept; look at it again");
  }
}

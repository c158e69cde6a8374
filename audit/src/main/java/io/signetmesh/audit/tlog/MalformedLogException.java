package io.signetmesh.audit.tlog;

import java.io.IOException;

/** A log, a checkpoint or a proof is not what it says. The message names the part. */
public final class MalformedLogException extends IOException {
  private static final long serialVersionUID = 1L;

  /** Creates one. */
  public MalformedLogException(String message) {
    super(message);
  }

  /** Creates one with a cause. */
  public MalformedLogException(String message, Throwable cause) {
    super(message, cause);
  }
}

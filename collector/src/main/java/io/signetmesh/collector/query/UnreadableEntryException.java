package io.signetmesh.collector.query;

import java.io.IOException;

/** An entry of the log is none of the collector's. */
public final class UnreadableEntryException extends IOException {
  private static final long serialVersionUID = 1L;

  UnreadableEntryException(String message, Throwable cause) {
    super(message, cause);
  }
}

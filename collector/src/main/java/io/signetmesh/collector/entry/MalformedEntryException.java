package io.signetmesh.collector.entry;

import java.io.IOException;

/** A record or an entry of the log has another form than it has to have. */
public final class MalformedEntryException extends IOException {
  private static final long serialVersionUID = 1;

  MalformedEntryException(String message) {
    super(message);
  }

  MalformedEntryException(String message, Throwable cause) {
    super(message, cause);
  }
}

package io.signetmesh.collector.index;

import java.io.IOException;

/** A part of an index is of another log, of another version, or damaged. */
final class UnusableIndexException extends IOException {
  private static final long serialVersionUID = 1L;

  UnusableIndexException(String message) {
    super(message);
  }

  UnusableIndexException(String message, Throwable cause) {
    super(message, cause);
  }
}

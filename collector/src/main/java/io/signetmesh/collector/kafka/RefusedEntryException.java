package io.signetmesh.collector.kafka;

import java.io.IOException;

/**
 * The brokers refuse an entry of a delivery, and will each time: it is too large for the topic, or
 * its form is. Others of the delivery may be in the topic or not.
 */
final class RefusedEntryException extends IOException {
  private static final long serialVersionUID = 1L;

  RefusedEntryException(String message, Throwable cause) {
    super(message, cause);
  }
}

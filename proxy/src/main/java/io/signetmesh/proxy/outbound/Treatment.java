package io.signetmesh.proxy.outbound;

import io.signetmesh.proxy.metrics.HttpDetection;
import io.signetmesh.proxy.upstream.Upstream;
import org.jspecify.annotations.Nullable;

/**
 * What is done with a connection: a function of its destination and of what its first bytes have
 * shown.
 */
enum Treatment {
  /** It is closed. */
  FORBID,
  /** Its first bytes tell. */
  SNIFF,
  /** Its bytes are forwarded to one endpoint. */
  RELAY,
  /** Its requests are balanced. */
  HTTP1,
  /** Its requests are balanced. */
  HTTP2;

  /**
   * The treatment of a connection. What takes bytes only is not read as HTTP, and what the server
   * says first is not waited for.
   *
   * @param found what the first bytes have shown; null: they were not looked at
   */
  static Treatment of(Upstream destination, @Nullable HttpDetection found) {
    return switch (destination.protocol()) {
      case FORBIDDEN -> FORBID;
      case OPAQUE -> RELAY;
      case HTTP1 -> HTTP1;
      case HTTP2 -> HTTP2;
      case DETECT -> destination.takesBytesOnly() ? RELAY : detected(found);
    };
  }

  private static Treatment detected(@Nullable HttpDetection found) {
    if (found == null) {
      return SNIFF;
    }
    return switch (found) {
      case HTTP1 -> HTTP1;
      case HTTP2 -> HTTP2;
      default -> RELAY;
    };
  }
}

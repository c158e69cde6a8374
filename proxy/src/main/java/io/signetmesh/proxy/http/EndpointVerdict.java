package io.signetmesh.proxy.http;

import io.signetmesh.proxy.upstream.Endpoint;
import io.signetmesh.proxy.upstream.Upstream;
import org.jspecify.annotations.Nullable;

/**
 * What the balancer is told of the endpoint that a request was sent to. Each failure is told once.
 * Times are in nanoseconds since the request came.
 */
final class EndpointVerdict {
  private Upstream.@Nullable Lease lease;
  private boolean failureTold;

  /** An endpoint has been picked. */
  void picked(Upstream.Lease picked) {
    lease = picked;
    failureTold = false;
  }

  /** The endpoint; null while none is picked. */
  @Nullable Endpoint endpoint() {
    Upstream.Lease held = lease;
    return held == null ? null : held.endpoint();
  }

  /** Whether the endpoint is behind a proxy of the mesh, whose headers are believed. */
  boolean isOfAProxy() {
    Endpoint endpoint = endpoint();
    return endpoint != null && endpoint.tls() != null;
  }

  /**
   * The response has begun.
   *
   * @param failure whether it says that the endpoint failed
   */
  void responded(long elapsedNanos, boolean failure) {
    Upstream.Lease held = lease;
    if (held == null) {
      return;
    }
    if (!failure) {
      held.responded(elapsedNanos);
    } else if (!failureTold) {
      held.answeredBadly(elapsedNanos);
    }
  }

  /** The connection failed in the middle: the endpoint did badly, if it was reached at all. */
  void failed(long elapsedNanos) {
    Upstream.Lease held = lease;
    if (held != null && !failureTold) {
      held.answeredBadly(elapsedNanos);
    }
  }

  /** The endpoint's proxy could not connect to its application. */
  void refused(long elapsedNanos) {
    failureTold = true;
    Upstream.Lease held = lease;
    if (held != null) {
      held.refused(elapsedNanos);
    }
  }

  /** No connection to the endpoint could be made. */
  void notReached() {
    failureTold = true;
    Upstream.Lease held = lease;
    if (held != null) {
      held.failed();
    }
  }

  /** The endpoint is done with the request. */
  void release() {
    Upstream.Lease held = lease;
    lease = null;
    if (held != null) {
      held.release();
    }
  }
}

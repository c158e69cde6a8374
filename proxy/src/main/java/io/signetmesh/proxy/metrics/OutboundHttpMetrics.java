package io.signetmesh.proxy.metrics;

import io.signetmesh.proxy.upstream.Endpoint;
import org.jspecify.annotations.Nullable;

/**
 * Counts the HTTP requests to one destination. Keeps the cells of the last 8 endpoints. Confined to
 * one event loop: make one for each client connection, or each destination and loop.
 */
public final class OutboundHttpMetrics {
  private static final int KEPT = 8;

  private final ProxyMetrics metrics;
  private final String authority;
  private final @Nullable Endpoint[] endpoints = new @Nullable Endpoint[KEPT];
  private final @Nullable RequestMetrics[] requests = new @Nullable RequestMetrics[KEPT];
  private int next;

  OutboundHttpMetrics(ProxyMetrics metrics, String authority) {
    this.metrics = metrics;
    this.authority = authority;
  }

  /** A counter of the requests to an endpoint. Keep it with the request. */
  // An endpoint stays the same object until the control plane changes it.
  /** What counts the requests to an endpoint. */
  @SuppressWarnings("ReferenceEquality")
  public RequestMetrics to(Endpoint endpoint) {
    for (int i = 0; i < KEPT; i++) {
      RequestMetrics known = requests[i];
      if (known != null && endpoints[i] == endpoint) {
        return known;
      }
    }
    RequestMetrics made = metrics.outboundRequests(authority, endpoint);
    endpoints[next] = endpoint;
    requests[next] = made;
    next = (next + 1) % KEPT;
    return made;
  }

  /** Counts a request that the proxy itself failed. */
  public void failed(ProxyError error) {
    metrics.outboundHttpError(error);
  }
}

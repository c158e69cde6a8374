package io.signetmesh.proxy.metrics;

import io.signetmesh.proxy.authorize.Decision;
import io.signetmesh.proxy.authorize.Reason;
import io.signetmesh.proxy.authorize.ResourceRef;
import io.signetmesh.proxy.authorize.Route;
import io.signetmesh.proxy.authorize.ServerPolicy;
import io.signetmesh.proxy.metrics.registry.Counter;
import org.jspecify.annotations.Nullable;

/**
 * Counts the HTTP requests of one inbound connection. Keeps the cells of the last few routes and
 * decisions, so that counting a request costs no lookup. Confined to the connection's event loop.
 */
public final class InboundHttpMetrics {
  private static final int KEPT = 8;
  private static final ResourceRef NO_ROUTE = new ResourceRef("", "", "");

  private final ProxyMetrics metrics;
  private final Target target;
  private final TlsStatus tls;
  private final @Nullable Entry[] kept = new @Nullable Entry[KEPT];
  private int next;
  private final @Nullable Tried[] tried = new @Nullable Tried[KEPT];
  private int nextTried;

  InboundHttpMetrics(ProxyMetrics metrics, Target target, TlsStatus tls) {
    this.metrics = metrics;
    this.target = target;
    this.tls = tls;
  }

  /**
   * Counts that a request was allowed.
   *
   * @return counts the rest of the exchange; keep it with the request
   */
  public RequestMetrics authorized(ServerPolicy policy, Route route, Decision decision) {
    Entry entry = entry(policy, route, decision);
    entry.authorization.increment();
    return entry.requests;
  }

  /** Counts that a request was denied, or refused because a rate limit is exhausted. */
  public void denied(ServerPolicy policy, Route route, Decision decision) {
    if (decision.reason() == Reason.RATE_LIMITED) {
      metrics.inboundHttpRateLimited(target, tls, policy, decision);
    } else {
      metrics.inboundHttpDenied(target, tls, policy, route.ref());
    }
  }

  /** Counts that a request was denied that no route matches. */
  public void denied(ServerPolicy policy) {
    metrics.inboundHttpDenied(target, tls, policy, NO_ROUTE);
  }

  /** Counts that no route matched a request. */
  public void routeNotFound(ServerPolicy policy) {
    metrics.inboundHttpRouteNotFound(target, tls, policy);
  }

  /** Counts a request that was refused because its path has no normal form. */
  public void unsafePath(ServerPolicy policy) {
    metrics.inboundHttpUnsafePath(target, tls, policy);
  }

  /** Counts a connection that left HTTP, by a request that was allowed. */
  public void tunnel(ServerPolicy policy) {
    metrics.inboundHttpTunnel(target, tls, policy);
  }

  /**
   * Counts the dry-run verdict on a request.
   *
   * @param allowed the enforced verdict
   */
  // Policies and decisions are made once, when a policy is compiled.
  @SuppressWarnings("ReferenceEquality")
  public void tried(ServerPolicy policy, boolean allowed, Decision trial) {
    for (Tried entry : tried) {
      if (entry == null) {
        break;
      }
      if (entry.trial == trial && entry.allowed == allowed && entry.policy == policy) {
        entry.counter.increment();
        return;
      }
    }
    Tried made =
        new Tried(
            policy, allowed, trial, metrics.inboundTried("http", target, policy, allowed, trial));
    tried[nextTried] = made;
    nextTried = (nextTried + 1) % KEPT;
    made.counter.increment();
  }

  /** Counts a connection that was ended because its client made too much useless work. */
  public void exhausted() {
    metrics.inboundHttpExhausted();
  }

  /** Counts a request that the proxy itself failed; {@code policy} is null before there is one. */
  public void failed(@Nullable ServerPolicy policy, ProxyError error) {
    metrics.inboundHttpError(target, policy, error);
  }

  // Policies, routes and decisions are made once, when a policy is compiled.
  @SuppressWarnings("ReferenceEquality")
  private Entry entry(ServerPolicy policy, Route route, Decision decision) {
    for (Entry entry : kept) {
      if (entry == null) {
        break;
      }
      if (entry.decision == decision && entry.route == route && entry.policy == policy) {
        return entry;
      }
    }
    Entry made =
        new Entry(
            policy,
            route,
            decision,
            metrics.inboundHttpAllowed(target, tls, policy, route, decision),
            metrics.inboundRequests(target, tls, policy, route, decision));
    kept[next] = made;
    next = (next + 1) % KEPT;
    return made;
  }

  private record Entry(
      ServerPolicy policy,
      Route route,
      Decision decision,
      Counter authorization,
      RequestMetrics requests) {}

  private record Tried(ServerPolicy policy, boolean allowed, Decision trial, Counter counter) {}
}

package io.signetmesh.proxy.authorize;

import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A policy with its indexes. */
final class CompiledServerPolicy implements ServerPolicy {
  private static final Decision NO_AUTHORIZATION =
      new Decision(false, Reason.NO_AUTHORIZATION, null, null, "the server has no authorization");

  private final ResourceRef server;
  private final long generation;
  private final Protocol protocol;
  private final Duration detectTimeout;
  private final AuthorizationIndex authorizations;
  private final @Nullable AuthorizationIndex audited;
  private final RouteTable routes;
  private final @Nullable RateLimiter limiter;
  private final @Nullable Decision refusal;
  private final Decision rateLimited;

  CompiledServerPolicy(
      ResourceRef server,
      long generation,
      Protocol protocol,
      Duration detectTimeout,
      AuthorizationIndex authorizations,
      @Nullable AuthorizationIndex audited,
      RouteTable routes,
      @Nullable RateLimiter limiter,
      @Nullable Decision refusal) {
    this.server = server;
    this.generation = generation;
    this.protocol = protocol;
    this.detectTimeout = detectTimeout;
    this.authorizations = authorizations;
    this.audited = audited;
    this.routes = routes;
    this.limiter = limiter;
    this.refusal = refusal;
    this.rateLimited =
        new Decision(false, Reason.RATE_LIMITED, server, "rate", "the rate limit is exhausted");
  }

  /** A policy that refuses everything because the message stating it was not valid. */
  static CompiledServerPolicy invalid(long generation, String why) {
    AuthorizationIndex none = new AuthorizationIndex(List.of());
    CompiledRoute all =
        new CompiledRoute(new ResourceRef("", "default", "invalid"), List.of(), null);
    return new CompiledServerPolicy(
        new ResourceRef("", "default", "invalid"),
        generation,
        Protocol.DETECT,
        Duration.ofSeconds(10),
        none,
        null,
        new RouteTable(List.of(new RouteTable.Entry(all, null, null, List.of(), List.of(), null))),
        null,
        new Decision(false, Reason.INVALID_POLICY, null, null, why));
  }

  @Override
  public ResourceRef server() {
    return server;
  }

  @Override
  public long generation() {
    return generation;
  }

  @Override
  public Protocol protocol() {
    return protocol;
  }

  @Override
  public Duration detectTimeout() {
    return detectTimeout;
  }

  @Override
  public @Nullable String invalidity() {
    return refusal == null ? null : refusal.detail();
  }

  @Override
  public Decision decideConnection(Client client) {
    if (refusal != null) {
      return refusal;
    }
    Decision allowed = authorizations.allows(client);
    if (allowed == null && audited != null) {
      allowed = audited.allows(client);
    }
    if (allowed != null) {
      return allowed;
    }
    Decision miss = authorizations.nearestMiss(client);
    return miss == null ? NO_AUTHORIZATION : miss;
  }

  @Override
  public @Nullable Route route(RequestFacts request) {
    return routes.find(request);
  }

  @Override
  public Decision decideRequest(Client client, Route route) {
    if (refusal != null) {
      return refusal;
    }
    AuthorizationIndex own = ((CompiledRoute) route).own();
    Decision decision = own == null ? null : own.allows(client);
    if (decision == null) {
      Decision byServer = decideConnection(client);
      if (!byServer.allowed() && own != null) {
        // The route's own authorizations are nearer to the request than the server's.
        Decision miss = own.nearestMiss(client);
        return miss == null ? byServer : miss;
      }
      decision = byServer;
    }
    RateLimiter limits = limiter;
    if (decision.allowed() && limits != null && !limits.take(client.identity())) {
      return rateLimited;
    }
    return decision;
  }
}

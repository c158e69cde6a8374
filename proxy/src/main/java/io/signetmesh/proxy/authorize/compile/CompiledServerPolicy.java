package io.signetmesh.proxy.authorize.compile;

import io.signetmesh.jwt.TokenAuthentication;
import io.signetmesh.jwt.TokenLocation;
import io.signetmesh.proxy.authorize.Client;
import io.signetmesh.proxy.authorize.Decision;
import io.signetmesh.proxy.authorize.Decision.Mode;
import io.signetmesh.proxy.authorize.Explanation;
import io.signetmesh.proxy.authorize.Reason;
import io.signetmesh.proxy.authorize.RegoQuestion;
import io.signetmesh.proxy.authorize.RequestAttributes;
import io.signetmesh.proxy.authorize.RequestMethod;
import io.signetmesh.proxy.authorize.ResourceRef;
import io.signetmesh.proxy.authorize.Route;
import io.signetmesh.proxy.authorize.ServerPolicy;
import io.signetmesh.proxy.authorize.TrialRequest;
import io.signetmesh.proxy.authorize.compile.AuthorizationIndex.Effect;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** A policy with its indexes. */
final class CompiledServerPolicy implements ServerPolicy {
  private static final String NOT_HTTP =
      "not HTTP, on a port whose applications trust fields that only the proxy may set";

  private final ResourceRef server;
  private final long generation;
  private final Protocol protocol;
  private final Duration detectTimeout;
  private final ServerRules rules;
  private final RouteTable routes;
  private final @Nullable RateLimiter limiter;
  private final @Nullable RateLimiter lastLimiter;
  private final @Nullable CompiledServerPolicy trial;
  private final @Nullable Decision refusal;
  private final TokenAuthentications.Places tokenPlaces;
  private final boolean readsTokens;
  private final boolean asksRego;
  private final List<TokenAuthentication> trialTokens;
  private final @Nullable Decision notHttp;
  private final Decision totalExhausted;
  private final Decision identityExhausted;
  private final Decision noAuthorization;
  private final Decision noRoute;
  private final Decision unsafePath;
  private final Decision tunnelRefused;

  /**
   * @param limiter the rate limit, null: none
   * @param lastLimiter the rate limit or, where there is none, that which the port had last
   * @param trial what is tried, null: nothing
   * @param refusal the answer to everything, null: the rules say
   * @param tokenPlaces where tokens and their claims are
   */
  CompiledServerPolicy(
      ResourceRef server,
      long generation,
      Protocol protocol,
      Duration detectTimeout,
      ServerRules rules,
      RouteTable routes,
      @Nullable RateLimiter limiter,
      @Nullable RateLimiter lastLimiter,
      @Nullable CompiledServerPolicy trial,
      @Nullable Decision refusal,
      TokenAuthentications.Places tokenPlaces) {
    this.server = server;
    this.generation = generation;
    this.protocol = protocol;
    this.detectTimeout = detectTimeout;
    this.rules = rules;
    this.routes = routes;
    this.limiter = limiter;
    this.lastLimiter = lastLimiter;
    this.trial = trial;
    this.refusal = refusal;
    this.tokenPlaces = tokenPlaces;
    this.readsTokens = rules.readTokens() || routes.readTokens();
    this.asksRego = rules.askRego() || routes.askRego();
    this.trialTokens = trial == null ? List.of() : trial.allTokens();
    this.notHttp =
        protocol == Protocol.DETECT && !tokenPlaces.claims().isEmpty()
            ? denial(Reason.PROTOCOL_ERROR, null, null, NOT_HTTP)
            : null;
    ResourceRef limit = limiter == null ? server : limiter.ref();
    this.totalExhausted =
        denial(Reason.RATE_LIMITED, limit, "total-rate", "the limit of all clients is exhausted");
    this.identityExhausted =
        denial(Reason.RATE_LIMITED, limit, "identity-rate", "the client's limit is exhausted");
    this.noAuthorization =
        denial(Reason.NO_AUTHORIZATION, null, null, "the server has no authorization");
    this.noRoute = denial(Reason.NO_ROUTE, null, null, "no route matches the request");
    this.tunnelRefused =
        denial(
            Reason.TUNNEL_REFUSED,
            null,
            null,
            "CONNECT asks for a tunnel; it takes a route match with method: CONNECT");
    this.unsafePath =
        denial(
            Reason.UNSAFE_PATH,
            null,
            null,
            "the path has no safe normal form, or another reading of path, query or headers may"
                + " lead to another route, or is too long to tell its route");
  }

  private Decision denial(
      Reason reason, @Nullable ResourceRef ref, @Nullable String attribute, String detail) {
    return new Decision(false, reason, ref, attribute, detail, Mode.ENFORCE, generation);
  }

  /** A policy that refuses everything because the message stating it was not valid. */
  static CompiledServerPolicy invalid(
      long generation, String why, @Nullable RateLimiter lastLimiter) {
    ResourceRef ref = new ResourceRef("", "default", "invalid");
    CompiledRoute all = new CompiledRoute(ref, List.of(), null, null);
    return new CompiledServerPolicy(
        ref,
        generation,
        Protocol.DETECT,
        Duration.ofSeconds(10),
        new ServerRules(
            null, null, new AuthorizationIndex(List.of(), Effect.ALLOW, generation), null),
        new RouteTable(List.of(new RouteEntry(all, null, null, List.of(), List.of(), null))),
        null,
        lastLimiter,
        null,
        new Decision(false, Reason.INVALID_POLICY, null, null, why, Mode.ENFORCE, generation),
        TokenAuthentications.Places.NONE);
  }

  /**
   * The rate limit or, where there is none, that which the port had last: one that is taken away
   * and brought back is not full again.
   */
  @Nullable RateLimiter lastLimiter() {
    return lastLimiter;
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
  public boolean matchesPaths() {
    return routes.matchesPaths();
  }

  @Override
  public boolean matchesMethods() {
    return routes.matchesMethods();
  }

  @Override
  public List<Route> routes() {
    return routes.routes();
  }

  // ---- deciding

  @Override
  public Decision decideConnection(Client client) {
    return connection(client, true);
  }

  @Override
  public @Nullable Decision decideBeforeRoute(Client client) {
    return beforeRoute(client, true);
  }

  private @Nullable Decision beforeRoute(Client client, boolean audit) {
    if (!routes.isCostly() || !readsHttp()) {
      return null;
    }
    if (refusal != null) {
      return refusal;
    }
    AuthorizationIndex denials = rules.denials();
    // What the request proves is not known yet.
    Decision denied = denials == null ? null : denials.firstByClient(client);
    if (denied != null) {
      return denied;
    }
    if ((denials != null && denials.dependsOnRequest(client))
        || rules.authorizations().mayHold(client)
        || routes.mayGrant(client)) {
      return null;
    }
    Decision decision = byGrants(client, null, audit);
    return decision.allowed() ? null : decision;
  }

  @Override
  public @Nullable Route route(RequestAttributes request) {
    return routes.find(request);
  }

  @Override
  public Decision decideWithoutRoute(Client client, RequestAttributes request) {
    if (refusal != null) {
      return refusal;
    }
    AuthorizationIndex denials = rules.denials();
    Decision denied = denials == null ? null : denials.firstByClient(client);
    if (denied != null) {
      return denied;
    }
    if (routes.isAmbiguous(request)) {
      return unsafePath;
    }
    return RequestMethod.isConnect(request.method()) ? tunnelRefused : noRoute;
  }

  @Override
  public Decision decideRequest(Client client, Route route) {
    Decision decision = request(client, (CompiledRoute) route, true);
    RateLimiter limits = limiter;
    if (decision.allowed() && limits != null) {
      RateLimiter.Scope exhausted = limits.take(client.identity());
      if (exhausted != null) {
        return exhausted == RateLimiter.Scope.TOTAL ? totalExhausted : identityExhausted;
      }
    }
    return decision;
  }

  @Override
  public Decision authorizeRequest(Client client, Route route) {
    return request(client, (CompiledRoute) route, true);
  }

  @Override
  public @Nullable Decision refuseWhateverIsProved(Client client, Route route) {
    return refusal == null && rules.mayAllow(client, (CompiledRoute) route)
        ? null
        : request(client.ofConnection(), (CompiledRoute) route, true);
  }

  @Override
  public List<TokenAuthentication> tokens(Client client, Route route) {
    if (!readsTokens || refusal != null) {
      return List.of();
    }
    Set<TokenAuthentication> needed = new LinkedHashSet<>();
    rules.addTokens(client, (CompiledRoute) route, needed);
    return List.copyOf(needed);
  }

  @Override
  public boolean asksRego() {
    return asksRego;
  }

  @Override
  public @Nullable RegoQuestion nextRego(Client client, Route route) {
    return asksRego && refusal == null ? rules.nextRego(client, (CompiledRoute) route) : null;
  }

  @Override
  public @Nullable TrialRequest trialByRego(Client client, RequestAttributes request) {
    // Where only the audit is tried, the rules are those in force, and nobody else is asked.
    return trial == null ? null : trial.byRego(client, request);
  }

  private @Nullable TrialRequest byRego(Client client, RequestAttributes request) {
    if (!asksRego || refusal != null || !readsHttp()) {
      return null;
    }
    RequestAttributes normal = routes.matchesPaths() ? NormalRequest.of(request) : request;
    if (normal == null || beforeRoute(client, false) != null) {
      return null;
    }
    CompiledRoute route = routes.find(normal);
    return route == null ? null : new Tried(route);
  }

  /** A request that takes a route of this policy, which is tried. */
  private final class Tried implements TrialRequest {
    private final CompiledRoute route;

    Tried(CompiledRoute route) {
      this.route = route;
    }

    @Override
    public @Nullable RegoQuestion next(Client client) {
      return rules.nextRego(client, route);
    }

    @Override
    public Decision decide(Client client) {
      return request(client, route, false);
    }
  }

  @Override
  public List<TokenAuthentication> trialTokens() {
    return trialTokens;
  }

  private List<TokenAuthentication> allTokens() {
    Set<TokenAuthentication> all = new LinkedHashSet<>();
    rules.addTokens(routes, all);
    return List.copyOf(all);
  }

  @Override
  public Set<String> tokenFields() {
    return tokenPlaces.claims();
  }

  @Override
  public List<TokenLocation> tokenLocations() {
    return tokenPlaces.tokens();
  }

  @Override
  public @Nullable Decision trialConnection(Client client) {
    if (trial != null) {
      return trial.connection(client, false);
    }
    return rules.audited() == null ? null : unlessSame(connection(client, true), client, null);
  }

  @Override
  public @Nullable Decision trialRequest(Client client, RequestAttributes request) {
    if (trial != null) {
      return trial.wouldBe(client, request);
    }
    if (rules.audited() == null) {
      return null;
    }
    if (!readsHttp()) {
      return trialConnection(client);
    }
    CompiledRoute route = routes.find(request);
    return route == null ? null : unlessSame(request(client, route, true), client, route);
  }

  /** What becomes of a decision that rests on the audit; null when it rests on policy. */
  private @Nullable Decision unlessSame(
      Decision decision, Client client, @Nullable CompiledRoute route) {
    if (decision.mode() != Mode.AUDIT) {
      return null;
    }
    return route == null ? connection(client, false) : request(client, route, false);
  }

  /** Decides on a request, with its route, without audit. */
  private Decision wouldBe(Client client, RequestAttributes request) {
    if (!readsHttp()) {
      return connection(client, false);
    }
    RequestAttributes normal = routes.matchesPaths() ? NormalRequest.of(request) : request;
    if (normal == null) {
      return refusal == null ? unsafePath : refusal;
    }
    Decision early = beforeRoute(client, false);
    if (early != null) {
      return early;
    }
    CompiledRoute route = routes.find(normal);
    return route == null ? decideWithoutRoute(client, normal) : request(client, route, false);
  }

  private boolean readsHttp() {
    return protocol != Protocol.OPAQUE && protocol != Protocol.TLS;
  }

  /**
   * Decides by the rules of the server.
   *
   * @param audit whether the audit access policy counts
   */
  private Decision connection(Client client, boolean audit) {
    if (refusal != null) {
      return refusal;
    }
    if (notHttp != null) {
      return notHttp;
    }
    // A connection proves nothing by requests, even where another policy reads it as HTTP.
    Client connected = client.ofConnection();
    Decision denied = rules.deniedConnection(connected);
    return denied == null ? byGrants(connected, null, audit) : denied;
  }

  private Decision byGrants(Client client, @Nullable AuthorizationIndex own, boolean audit) {
    Decision allowed = rules.granted(client, own, audit);
    if (allowed != null) {
      return allowed;
    }
    Decision miss = rules.nearestMiss(client, own);
    return miss == null ? noAuthorization : miss;
  }

  private Decision request(Client client, CompiledRoute route, boolean audit) {
    if (refusal != null) {
      return refusal;
    }
    Decision denied = rules.denied(client, route);
    return denied == null ? byGrants(client, route.own(), audit) : denied;
  }

  // ---- explaining

  @Override
  public Explanation explain(Client client, @Nullable RequestAttributes request) {
    Explanation tried = null;
    if (trial != null) {
      tried = trial.explain(client, request, false);
    } else if (request == null
        ? trialConnection(client) != null
        : trialRequest(client, request) != null) {
      tried = explain(client, request, false);
    }
    Explanation enforced = explain(client, request, true);
    return new Explanation(
        server, enforced.decision(), enforced.route(), enforced.routes(), enforced.rules(), tried);
  }

  private Explanation explain(Client client, @Nullable RequestAttributes received, boolean audit) {
    if (received == null || !readsHttp()) {
      Decision decision = connection(client, audit);
      return new Explanation(
          server, decision, null, List.of(), rules(client.ofConnection(), null, audit), null);
    }
    RequestAttributes request = routes.matchesPaths() ? NormalRequest.of(received) : received;
    if (request == null) {
      Decision decision = refusal == null ? unsafePath : refusal;
      return new Explanation(server, decision, null, List.of(), List.of(), null);
    }
    Decision early = beforeRoute(client, audit);
    if (early != null) {
      return new Explanation(server, early, null, List.of(), rules(client, null, audit), null);
    }
    RouteEntry taken = routes.entry(request);
    List<Explanation.RouteMatch> matches = new ArrayList<>();
    for (RouteEntry entry : routes.entries()) {
      matches.add(RouteExplanation.of(entry, request, entry == taken));
    }
    if (taken == null) {
      Decision decision = decideWithoutRoute(client, request);
      RuleExplanation denials = new RuleExplanation(client);
      AuthorizationIndex plain = rules.denials();
      if (refusal == null && plain != null) {
        denials.add(Explanation.Level.SERVER_DENIAL, plain.byClient());
      }
      return new Explanation(server, decision, null, matches, denials.rules(), null);
    }
    return new Explanation(
        server,
        request(client, taken.route(), audit),
        taken.route(),
        matches,
        rules(client, taken.route(), audit),
        null);
  }

  private List<Explanation.Rule> rules(
      Client client, @Nullable CompiledRoute route, boolean audit) {
    if (refusal != null || (route == null && notHttp != null)) {
      return List.of();
    }
    RuleExplanation explanation = new RuleExplanation(client);
    rules.explain(explanation, route, audit);
    return explanation.rules();
  }
}

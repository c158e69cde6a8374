package io.signetmesh.proxy.authorize;

import io.signetmesh.jwt.TokenAuthentication;
import io.signetmesh.jwt.TokenLocation;
import io.signetmesh.path.RequestPath;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The compiled policy of one workload port. It is immutable, except for the spent part of its rate
 * limit, and is replaced as a whole. A decision does not allocate, lock or block. Safe from any
 * thread.
 */
public interface ServerPolicy {
  /**
   * Policy features that this engine enforces, as a proxy names them in {@code
   * PortSpec.signet_features}.
   */
  static List<String> features() {
    return List.of("generation", "deny", "trial", "jwt", "rego");
  }

  /** The Server resource, or {@code default/<policy name>}. */
  ResourceRef server();

  /** Generation of the controller's message; 0 when the controller states none. */
  long generation();

  /** The protocol of the port's connections. */
  Protocol protocol();

  /** Longest time of protocol detection; used with {@link Protocol#DETECT} only. */
  Duration detectTimeout();

  /**
   * Why the controller's message is invalid, in which case everything is refused; null when it is
   * valid.
   */
  default @Nullable String invalidity() {
    return null;
  }

  /** Decides on a connection that does not carry HTTP. */
  Decision decideConnection(Client client);

  /**
   * The refusal of a client whose every request is refused, whatever its route. It spares the cost
   * of route matching, and is given only where routes match on large regular expressions. It holds
   * when a denial of the server matches, or when neither the server nor any route grants the client
   * anything. Null: match the route, then decide.
   */
  default @Nullable Decision decideBeforeRoute(Client client) {
    return null;
  }

  /** The most specific route that matches a request; null when none matches (404). */
  @Nullable Route route(RequestAttributes request);

  /**
   * Decides on a request. {@code route} must be a route of this policy. An allowed request is taken
   * from the rate limit.
   */
  Decision decideRequest(Client client, Route route);

  /**
   * As {@link #decideRequest}, but without the rate limit: for requests in flight, and for
   * explanations.
   */
  default Decision authorizeRequest(Client client, Route route) {
    return decideRequest(client, route);
  }

  /**
   * The refusal of a request that nothing it may prove can change; null when its proofs decide, or
   * it is allowed. {@code route} must be a route of this policy.
   */
  default @Nullable Decision refuseWhateverIsProved(Client client, Route route) {
    return null;
  }

  /**
   * The authentications by token that decide on requests of a client: those of all rules in force
   * that hold but for their tokens. Ask each of them, and decide with {@link Client#with}. A
   * decision without that is a decision about a request without tokens, which grants nothing that
   * requires one.
   *
   * @param route the route of the request
   */
  default List<TokenAuthentication> tokens(Client client, Route route) {
    return List.of();
  }

  /**
   * All authentications by token of the dry-run policy. What they ask for changes nothing: a
   * request neither waits long nor is refused for them.
   */
  default List<TokenAuthentication> trialTokens() {
    return List.of();
  }

  /** Whether policy bundles decide on any request. */
  default boolean asksRego() {
    return false;
  }

  /**
   * The next policy bundle to ask about a request, because the decision depends on its answer. Ask
   * until there is none, with all answers so far, and decide with {@link Client#with}. A bundle
   * whose answer is missing is one that has none: no grant that requires its yes holds, and every
   * denial does. Safe from any thread.
   *
   * @param client with what {@link #tokens} asks for
   * @param route the route of the request
   * @return null when the decision depends on no more answers
   */
  default @Nullable RegoQuestion nextRego(Client client, Route route) {
    return null;
  }

  /**
   * The dry run of a request, where its verdict depends on policy bundles; null where {@link
   * #trialRequest} says all. Keeps nothing of {@code client} and {@code request}.
   *
   * @param request as for {@link #trialRequest}
   */
  default @Nullable TrialRequest trialByRego(Client client, RequestAttributes request) {
    return null;
  }

  /**
   * Fields that only this proxy may set, because they carry the claims of verified tokens. Whatever
   * the client sends under these names is removed. In lower case.
   */
  default Set<String> tokenFields() {
    return Set.of();
  }

  /**
   * Where tokens of requests may be, for the policy in force or the dry run. What is there lets its
   * bearer in, so policy bundles do not get to know it.
   */
  default List<TokenLocation> tokenLocations() {
    return List.of();
  }

  /**
   * Whether an enforced route matches on a path other than the prefix {@code /}. Probe routes and
   * the default route do not count. If so, the path of requests must be normalized first, and
   * requests whose path cannot be are refused (see {@link RequestPath}).
   */
  default boolean matchesPaths() {
    return false;
  }

  /** Whether an enforced route resource matches on the method. */
  default boolean matchesMethods() {
    return false;
  }

  /**
   * Decides on a request for which {@link #route} found none: a denial of the server holds, or the
   * path has another reading that leads to another route ({@link Reason#UNSAFE_PATH}, 400), or it
   * is CONNECT and no route names it ({@link Reason#TUNNEL_REFUSED}, 403), or there is no route
   * ({@link Reason#NO_ROUTE}, 404).
   */
  default Decision decideWithoutRoute(Client client, RequestAttributes request) {
    return new Decision(false, Reason.NO_ROUTE, null, null, null);
  }

  /** One route of each route resource, in the order in which the controller lists them. */
  default List<Route> routes() {
    return List.of();
  }

  /**
   * What {@link #decideConnection} would say under the dry-run policy: with objects in audit mode
   * in force, and the audit access policy as if it denied. Null when nothing in audit mode affects
   * the connection: then there is no other verdict to tell of.
   */
  default @Nullable Decision trialConnection(Client client) {
    return null;
  }

  /**
   * What would become of a request under the dry-run policy, including its route; see {@link
   * #trialConnection}. Rate limits are no part of it: a request that is refused for its rate has no
   * verdict to compare.
   *
   * @param request with its path in the form that the policy in force wants; where only a dry-run
   *     route matches paths, the dry run normalizes it for itself
   */
  default @Nullable Decision trialRequest(Client client, RequestAttributes request) {
    return null;
  }

  /**
   * The decision with every rule and route that was considered. Costs what the policy holds, and
   * takes nothing from rate limits: for operators, not for traffic.
   *
   * @param request the request, or null for a connection that is not read as HTTP
   */
  default Explanation explain(Client client, @Nullable RequestAttributes request) {
    Route route = request == null ? null : route(request);
    Decision decision;
    if (request == null) {
      decision = decideConnection(client);
    } else if (route == null) {
      decision = decideWithoutRoute(client, request);
    } else {
      decision = authorizeRequest(client, route);
    }
    return new Explanation(server(), decision, route, List.of(), List.of(), null);
  }

  /** Protocol of a port, as its Server states it. */
  enum Protocol {
    /** Find out from the first bytes. */
    DETECT,
    /** HTTP/1. */
    HTTP1,
    /** HTTP/2 by prior knowledge. */
    HTTP2,
    /** gRPC over HTTP/2. */
    GRPC,
    /** Bytes; TLS is not looked for either. */
    OPAQUE,
    /** The application's own TLS, passed through. */
    TLS
  }
}

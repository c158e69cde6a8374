package io.signetmesh.proxy.authorize;

import io.signetmesh.path.RequestPath;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The policy of one workload port: immutable but for what is spent of its rate limit, indexed,
 * swapped as a whole. Nothing in it allocates, locks or blocks when it decides.
 */
public interface ServerPolicy {
  /**
   * Policy features that this engine enforces, as a proxy names them in {@code
   * PortSpec.signet_features}.
   */
  static List<String> features() {
    return List.of("generation", "deny", "trial");
  }

  /** The Server resource, or {@code default/<policy name>}. */
  ResourceRef server();

  /** Generation that the controller stamped on the message; 0 when it is not Signet's. */
  long generation();

  /** How the port's connections are to be read. */
  Protocol protocol();

  /**
   * Longest wait for the bytes that protocol detection needs; only used by {@link Protocol#DETECT}.
   */
  Duration detectTimeout();

  /** Why the controller's message was not valid, so that everything is refused; null: it was. */
  default @Nullable String invalidity() {
    return null;
  }

  /** Decides on a connection that is not read as HTTP. */
  Decision decideConnection(Client client);

  /**
   * The answer to every request of a client that is refused whatever its route is, where finding
   * the route would cost more than finding that out: its routes match on regular expressions that
   * are not small, and a denial of the server holds, or neither the server nor any route grants the
   * client anything. Null: the route has to be found.
   */
  default @Nullable Decision decideBeforeRoute(Client client) {
    return null;
  }

  /** The route that a request takes; null when none matches (404). */
  @Nullable Route route(RequestAttributes request);

  /**
   * Decides on a request that takes {@code route}, which came from this policy. Takes from the rate
   * limit what an allowed request takes.
   */
  Decision decideRequest(Client client, Route route);

  /**
   * As {@link #decideRequest}, but neither asks nor changes the rate limit: for requests that are
   * under way and for questions about requests that are not made.
   */
  default Decision authorizeRequest(Client client, Route route) {
    return decideRequest(client, route);
  }

  /**
   * Whether a route in force is chosen by path: it matches another path than prefix {@code /}.
   * Probe routes and the default route do not count. Where this holds, requests have to come with
   * their path in normal form (see {@link RequestPath}), or be refused.
   */
  default boolean matchesPaths() {
    return false;
  }

  /** Whether a route resource in force is chosen by method. */
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

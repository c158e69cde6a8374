package io.signetmesh.proxy.authorize;

import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * A decision, with all routes and rules that were considered.
 *
 * @param server Server, or default policy, whose rules and routes these are: in a dry run that of
 *     the dry-run policy, which may be another than the one in force
 * @param decision what is decided; rate limits are not asked. A request without route is refused
 *     with {@link Reason#NO_ROUTE}, or {@link Reason#UNSAFE_PATH} when its path is ambiguous.
 * @param route the route taken; null when there is none or the connection is not read as HTTP
 * @param routes every match of every route, in the order of the policy; empty when the connection
 *     is not read as HTTP
 * @param rules every denial and authorization that was considered, in the order in which they
 *     count: denials of the server and of the route, then the authorizations of the route, of the
 *     server, and of the audit; of each, those that ask policy bundles come last. Empty when no
 *     route was found.
 * @param trial the same for the dry-run policy; null when nothing in audit mode affects it. A dry
 *     run has no dry run of its own.
 */
public record Explanation(
    ResourceRef server,
    Decision decision,
    @Nullable Route route,
    List<RouteMatch> routes,
    List<Rule> rules,
    @Nullable Explanation trial) {
  public Explanation {
    routes = List.copyOf(routes);
    rules = List.copyOf(rules);
  }

  /** Where a rule is attached. */
  public enum Level {
    /** A denial of the server. */
    SERVER_DENIAL,
    /** A denial of the route. */
    ROUTE_DENIAL,
    /** An authorization of the route. */
    ROUTE,
    /** An authorization of the server. */
    SERVER,
    /** The audit access policy. */
    AUDIT
  }

  /**
   * A denial or an authorization.
   *
   * @param level where it is attached
   * @param ref the policy resource that it comes from
   * @param matched whether all its conditions hold
   * @param decisive whether the decision rests on it; at most one rule's is set
   * @param conditions what it requires of the client
   */
  public record Rule(
      Level level, ResourceRef ref, boolean matched, boolean decisive, List<Condition> conditions) {
    public Rule {
      conditions = List.copyOf(conditions);
    }
  }

  /**
   * One match of a route.
   *
   * @param ref the route resource
   * @param matched whether all its conditions hold
   * @param taken whether the request takes it: it matches and is the most specific that does
   * @param conditions what it requires of the request; empty when it matches every request
   */
  public record RouteMatch(
      ResourceRef ref, boolean matched, boolean taken, List<Condition> conditions) {
    public RouteMatch {
      conditions = List.copyOf(conditions);
    }
  }

  /** What a condition is about. */
  public enum Attribute {
    IDENTITY,
    TLS,
    NETWORK,
    TOKEN,
    REGO,
    HOST,
    PATH,
    METHOD,
    HEADER,
    QUERY;

    /** Stable lower-case code. */
    public String code() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /**
   * One requirement on a client or a request.
   *
   * @param attribute what it is about
   * @param name header, query parameter, JWTAuthentication or RegoAuthentication; null for the
   *     others
   * @param holds whether it holds
   * @param wanted what it requires, for people, such as {@code 10.0.0.0/8 except 10.1.0.0/16}
   * @param seen what the client or request has; {@code none} when it has nothing
   */
  public record Condition(
      Attribute attribute, @Nullable String name, boolean holds, String wanted, String seen) {}
}

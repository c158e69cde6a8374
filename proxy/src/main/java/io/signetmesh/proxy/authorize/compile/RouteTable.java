package io.signetmesh.proxy.authorize.compile;

import io.signetmesh.path.LenientPath;
import io.signetmesh.proxy.authorize.Client;
import io.signetmesh.proxy.authorize.RequestAttributes;
import io.signetmesh.proxy.authorize.RequestMethod;
import io.signetmesh.proxy.authorize.ResourceRef;
import io.signetmesh.proxy.authorize.Route;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Picks the most specific route of a request: by host (see {@link HostIndex}), then by path,
 * headers, query and method (see {@link PathIndex}).
 *
 * <p>A path that leads to another route when it is read as lenient applications read it (see {@link
 * LenientPath}) has no route: the decision would be about another resource than the one served.
 * This is so only where routes are chosen by path. Exact paths of probes are none of these: what
 * grants to probes is not reached by any other reading of a path. Nor has a request a route whose
 * headers or query parameters leave open which (see {@link RouteConditions}), or for which regular
 * expressions would take too long. Nor has CONNECT, unless the match that it takes names the
 * method.
 */
final class RouteTable {
  private static final int FEW_INSTRUCTIONS = 200;

  private final List<RouteEntry> entries;
  private final @Nullable CompiledRoute only;
  private final HostIndex index;
  private final RouteConditions conditions;
  private final boolean matchesPaths;
  private final boolean matchesMethods;
  private final AuthorizationIndex[] grants;

  /** Of all expressions together. */
  private final int instructions;

  RouteTable(List<RouteEntry> entries) {
    this.entries = List.copyOf(entries);
    this.only =
        entries.size() == 1 && entries.getFirst().matchesEverything()
            ? entries.getFirst().route()
            : null;
    this.index = new HostIndex(this.entries);
    this.conditions = new RouteConditions(this.entries);
    this.instructions = this.entries.stream().mapToInt(RouteEntry::instructions).sum();
    this.grants =
        this.entries.stream()
            .map(entry -> entry.route().own())
            .filter(Objects::nonNull)
            .distinct()
            .toArray(AuthorizationIndex[]::new);
    this.matchesPaths =
        this.entries.stream().anyMatch(entry -> entry.path() != null && isResource(entry));
    this.matchesMethods =
        this.entries.stream().anyMatch(entry -> entry.method() != null && isResource(entry));
  }

  private static boolean isResource(RouteEntry entry) {
    ResourceRef ref = entry.route().ref();
    return !(ref.group().isEmpty() && ref.kind().equals("default"));
  }

  /** Whether a route resource matches another path than prefix {@code /}. */
  boolean matchesPaths() {
    return matchesPaths;
  }

  /** Whether a route resource matches a method. */
  boolean matchesMethods() {
    return matchesMethods;
  }

  /** Whether expressions cost more than it costs to find out that no route grants anything. */
  boolean isCostly() {
    return instructions > FEW_INSTRUCTIONS;
  }

  /** Whether denials or authorizations of a route require tokens. */
  boolean readTokens() {
    return entries.stream()
        .map(RouteEntry::route)
        .anyMatch(
            route ->
                ServerRules.readTokens(route.denials()) || ServerRules.readTokens(route.own()));
  }

  /** Whether denials or authorizations of a route ask policy bundles. */
  boolean askRego() {
    return entries.stream()
        .map(RouteEntry::route)
        .anyMatch(
            route -> ServerRules.askRego(route.denials()) || ServerRules.askRego(route.own()));
  }

  /**
   * Whether authorizations of any route grant a client something, or would with another request.
   */
  boolean mayGrant(Client client) {
    for (AuthorizationIndex index : grants) {
      if (index.mayHold(client)) {
        return true;
      }
    }
    return false;
  }

  /** Every match, in the order of the list. */
  List<RouteEntry> entries() {
    return entries;
  }

  /** One route of each resource, in the order of the list. */
  List<Route> routes() {
    Map<ResourceRef, Route> routes = new LinkedHashMap<>();
    for (RouteEntry entry : entries) {
      routes.putIfAbsent(entry.route().ref(), entry.route());
    }
    return new ArrayList<>(routes.values());
  }

  @Nullable CompiledRoute find(RequestAttributes request) {
    if (only != null) {
      return RequestMethod.isConnect(request.method()) ? null : only;
    }
    RouteEntry found = entry(request);
    return found == null ? null : found.route();
  }

  /** The match that a request takes; null when it takes none or is ambiguous. */
  @Nullable RouteEntry entry(RequestAttributes request) {
    RouteEntry found = lookUp(request);
    return found == null || isRefused(found) || !mayTunnel(found, request) ? null : found;
  }

  /**
   * Whether a match grants what a request asks for. A match for any method says nothing of tunnels:
   * CONNECT wants one that names it.
   */
  private static boolean mayTunnel(RouteEntry found, RequestAttributes request) {
    return found.method() != null || !RequestMethod.isConnect(request.method());
  }

  /**
   * Whether a request has no route because it has two readings of different routes, or because
   * telling its route would cost too much.
   *
   * <p>The route is looked up once more, for requests that are refused either way: {@link #find}
   * cannot hand out why it found none. A mark among the routes for that would be a route to every
   * caller that forgets to ask for it, and there is no place for it in a table that all event loops
   * share.
   */
  boolean isAmbiguous(RequestAttributes request) {
    return only == null && isRefused(lookUp(request));
  }

  /** The match that a request takes; null for none, {@link PathIndex#REFUSED} to refuse it. */
  private @Nullable RouteEntry lookUp(RequestAttributes request) {
    CharSequence target = request.path();
    int end = pathEnd(target);
    if (conditions.areUnclear(request, target, end)) {
      return PathIndex.REFUSED;
    }
    RouteEntry asSent = index.find(request, target, end, target, end);
    if (asSent != null
        && matchesPaths
        && LenientPath.mayDiffer(target, end)
        && leadsElsewhere(asSent, request, target, end)) {
      return PathIndex.REFUSED;
    }
    return instructions > 0 && request.expressions().isExhausted() ? PathIndex.REFUSED : asSent;
  }

  @SuppressWarnings("ReferenceEquality") // There is one.
  private static boolean isRefused(@Nullable RouteEntry entry) {
    return entry == PathIndex.REFUSED;
  }

  private boolean leadsElsewhere(
      RouteEntry asSent, RequestAttributes request, CharSequence target, int end) {
    String lenient = LenientPath.of(target, end);
    RouteEntry asRead = index.find(request, target, end, lenient, lenient.length());
    return asRead == null || !asRead.route().equals(asSent.route());
  }

  private static int pathEnd(CharSequence target) {
    if (target instanceof String string) {
      int query = string.indexOf('?');
      return query < 0 ? string.length() : query;
    }
    int length = target.length();
    for (int i = 0; i < length; i++) {
      if (target.charAt(i) == '?') {
        return i;
      }
    }
    return length;
  }
}

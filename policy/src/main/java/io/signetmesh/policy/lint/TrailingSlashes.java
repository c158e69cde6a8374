package io.signetmesh.policy.lint;

import io.linkerd.proxy.http_route.HttpRouteMatch;
import io.linkerd.proxy.http_route.PathMatch;
import io.linkerd.proxy.inbound.HttpRoute;
import io.signetmesh.policy.model.RouteModel;
import io.signetmesh.policy.model.ServerModel;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Finds the route that takes {@code /admin/} where another one matches {@code /admin} exactly.
 * Reports nothing where that is not certain, or takes long to find out.
 */
final class TrailingSlashes {
  /** Matches compared in one look over a namespace. */
  private static final int MAX_LOOKS = 200_000;

  private static final int EXACT = 2;
  private static final int PREFIX = 1;

  private final Map<String, List<RouteModel>> byServer = new HashMap<>();
  private int looks;

  TrailingSlashes(List<RouteModel> routes) {
    for (RouteModel route : routes) {
      for (String server : route.servers()) {
        byServer.computeIfAbsent(server, key -> new ArrayList<>()).add(route);
      }
    }
  }

  /**
   * A path that the route matches exactly, and who takes it with a slash behind it.
   *
   * @param path the path, without that slash
   * @param taker another route of the Server
   */
  record Gap(String path, RouteModel taker) {}

  /** Gaps of a route on a Server. A path that no route takes is refused, so it is no gap. */
  List<Gap> of(RouteModel route, ServerModel server) {
    List<Gap> gaps = new ArrayList<>();
    for (HttpRoute.Rule rule : rules(route)) {
      for (HttpRouteMatch match : rule.getMatchesList()) {
        String path = match.getPath().getExact();
        if (!path.isEmpty() && !path.endsWith("/")) {
          taker(route, server, match, path + "/")
              .filter(taker -> taker != route)
              .ifPresent(taker -> gaps.add(new Gap(path, taker)));
        }
      }
    }
    return gaps;
  }

  /** The route that takes requests for the path that are otherwise like those of the match. */
  private Optional<RouteModel> taker(
      RouteModel denied, ServerModel server, HttpRouteMatch like, String path) {
    RouteModel best = null;
    HttpRoute.Rule bestRule = null;
    int most = 0;
    for (RouteModel route : byServer.getOrDefault(server.ref().name(), List.of())) {
      if (!route.isUsedBy(server.protocol())
          || !(route.hosts().isEmpty() || route.hosts().equals(denied.hosts()))) {
        continue;
      }
      for (HttpRoute.Rule rule : rules(route)) {
        for (HttpRouteMatch match : rule.getMatchesList()) {
          if (++looks > MAX_LOOKS || !route.flaws().isEmpty() || match.getPath().hasRegex()) {
            return Optional.empty();
          }
          // What asks for more than the match does takes only some of the requests.
          boolean asks =
              match.getHeadersCount() > 0
                  || match.getQueryParamsCount() > 0
                  || (match.hasMethod() && !match.getMethod().equals(like.getMethod()));
          int length = asks ? 0 : matched(match, path);
          int rank = length == 0 || route.hosts().isEmpty() ? length : length + (1 << 20);
          if (rank > most || (rank == most && best != null && route.compareTo(best) < 0)) {
            most = rank;
            best = route;
            bestRule = rule;
          }
        }
      }
    }
    return best == null || isRedirect(bestRule) ? Optional.empty() : Optional.of(best);
  }

  /** How much of the path is matched, twice, and one more when it is all; 0 is nothing. */
  private static int matched(HttpRouteMatch match, String path) {
    PathMatch wanted = match.getPath();
    if (wanted.hasExact()) {
      return wanted.getExact().equals(path) ? 2 * path.length() + EXACT : 0;
    }
    String prefix = wanted.hasPrefix() ? wanted.getPrefix() : "/";
    String stem = prefix.endsWith("/") ? prefix.substring(0, prefix.length() - 1) : prefix;
    return path.startsWith(stem + "/") ? 2 * Math.max(1, stem.length()) + PREFIX : 0;
  }

  private static boolean isRedirect(HttpRoute.@Nullable Rule rule) {
    return rule != null && rule.getFiltersList().stream().anyMatch(HttpRoute.Filter::hasRedirect);
  }

  private static List<HttpRoute.Rule> rules(RouteModel route) {
    return route.rules() instanceof RouteModel.Rules.Http(List<HttpRoute.Rule> rules)
        ? rules
        : List.of();
  }
}

package io.signetmesh.proxy.authorize.compile;

import io.signetmesh.proxy.authorize.RequestAttributes;
import io.signetmesh.proxy.authorize.compile.RouteEntry.ValuePattern;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The headers and query parameters by which routes are chosen. A request that gives one of them
 * several values, or one that readers understand differently, leaves open which route the
 * application serves: routes are chosen by the first value, applications read the first, the last
 * or all.
 */
final class RouteConditions {
  private final String[] headers;
  private final Set<String> parameters;

  RouteConditions(List<RouteEntry> entries) {
    headers =
        entries.stream()
            .flatMap(entry -> entry.headers().stream())
            .map(ValuePattern::name)
            .distinct()
            .toArray(String[]::new);
    parameters =
        entries.stream()
            .flatMap(entry -> entry.query().stream())
            .map(ValuePattern::name)
            .collect(Collectors.toUnmodifiableSet());
  }

  /**
   * Whether a request leaves open what a route's conditions would be asked about.
   *
   * @param target path and query
   * @param pathEnd where the query begins in {@code target}
   */
  boolean areUnclear(RequestAttributes request, CharSequence target, int pathEnd) {
    for (String header : headers) {
      if (request.header(header) != null && request.repeats(header)) {
        return true;
      }
    }
    return !parameters.isEmpty() && pathEnd < target.length() && isUnclear(target, pathEnd + 1);
  }

  private boolean isUnclear(CharSequence target, int from) {
    String query = target.subSequence(from, target.length()).toString();
    Map<String, String> seen = new HashMap<>();
    int begin = 0;
    while (begin <= query.length()) {
      int and = query.indexOf('&', begin);
      int end = and < 0 ? query.length() : and;
      int equals = query.indexOf('=', begin, end);
      int nameEnd = equals < 0 ? end : equals;
      String name = decoded(query.substring(begin, nameEnd));
      if (name == null) {
        return true;
      }
      if (parameters.contains(name)) {
        String value = decoded(query.substring(Math.min(end, nameEnd + 1), end));
        String before = value == null ? null : seen.putIfAbsent(name, value);
        if (value == null || (before != null && !before.equals(value))) {
          return true;
        }
      }
      begin = end + 1;
    }
    return false;
  }

  /** Null when an escape is malformed, or is not UTF-8: readers make different things of it. */
  private static @Nullable String decoded(String text) {
    if (text.indexOf('%') < 0 && text.indexOf('+') < 0) {
      return text;
    }
    try {
      String decoded = URLDecoder.decode(text, StandardCharsets.UTF_8);
      return decoded.indexOf('\ufffd') < 0 ? decoded : null;
    } catch (IllegalArgumentException e) {
      return null;
    }
  }
}

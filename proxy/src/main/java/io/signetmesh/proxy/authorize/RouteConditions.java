package io.signetmesh.proxy.authorize;

import io.signetmesh.proxy.authorize.RouteEntry.ValuePattern;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The headers and query parameters by which routes are chosen. A request that gives one of them
 * several values, or one that readers understand differently, leaves open which route the
 * application serves: routes are chosen by the first value, applications read the first, the last
 * or all. So does a value for which regular expressions would take too long.
 */
final class RouteConditions {
  private final Condition[] headers;
  private final Map<String, Condition> parameters;

  /** A name, and the expressions that its values are asked. */
  private record Condition(String name, LinearPattern[] expressions) {
    boolean isTooCostly(CharSequence value) {
      long steps = 0;
      for (LinearPattern expression : expressions) {
        steps = Math.max(steps, expression.steps(value, value.length()));
      }
      return steps > LinearPattern.MOST_STEPS;
    }
  }

  RouteConditions(List<RouteEntry> entries) {
    headers =
        conditions(entries.stream().flatMap(entry -> entry.headers().stream()).toList())
            .values()
            .toArray(Condition[]::new);
    parameters = conditions(entries.stream().flatMap(entry -> entry.query().stream()).toList());
  }

  private static Map<String, Condition> conditions(List<ValuePattern> patterns) {
    Map<String, Map<String, LinearPattern>> expressions = new LinkedHashMap<>();
    for (ValuePattern pattern : patterns) {
      Map<String, LinearPattern> ofName =
          expressions.computeIfAbsent(pattern.name(), name -> new LinkedHashMap<>());
      LinearPattern regex = pattern.regex();
      if (regex != null) {
        ofName.put(regex.toString(), regex);
      }
    }
    Map<String, Condition> conditions = new LinkedHashMap<>();
    expressions.forEach(
        (name, ofName) ->
            conditions.put(
                name, new Condition(name, ofName.values().toArray(LinearPattern[]::new))));
    return conditions;
  }

  /**
   * Whether a request leaves open what a route's conditions would be asked about.
   *
   * @param target path and query
   * @param pathEnd where the query begins in {@code target}
   */
  boolean areUnclear(RequestFacts request, CharSequence target, int pathEnd) {
    for (Condition header : headers) {
      CharSequence value = request.header(header.name());
      if (value != null && (request.repeats(header.name()) || header.isTooCostly(value))) {
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
      Condition condition = parameters.get(name);
      if (condition != null) {
        String value = decoded(query.substring(Math.min(end, nameEnd + 1), end));
        String before = value == null ? null : seen.putIfAbsent(name, value);
        if (value == null
            || (before != null && !before.equals(value))
            || condition.isTooCostly(value)) {
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

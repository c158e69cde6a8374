package io.signetmesh.proxy.authorize.compile;

import io.signetmesh.proxy.authorize.Explanation;
import io.signetmesh.proxy.authorize.Explanation.Attribute;
import io.signetmesh.proxy.authorize.Explanation.Condition;
import io.signetmesh.proxy.authorize.RequestAttributes;
import io.signetmesh.proxy.authorize.RequestMethod;
import io.signetmesh.proxy.authorize.compile.RouteEntry.HostPattern;
import io.signetmesh.proxy.authorize.compile.RouteEntry.PathPattern;
import io.signetmesh.proxy.authorize.compile.RouteEntry.ValuePattern;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Reads one match of a route, without an index, and notes what holds of it. */
final class RouteExplanation {
  private static final String NONE = "none";

  private RouteExplanation() {}

  static Explanation.RouteMatch of(RouteEntry entry, RequestAttributes request, boolean taken) {
    List<Condition> conditions = new ArrayList<>();
    String target = request.path().toString();
    int query = target.indexOf('?');
    int end = query < 0 ? target.length() : query;
    HostPattern host = entry.host();
    if (host != null) {
      String seen = host(request.authority().toString());
      conditions.add(condition(Attribute.HOST, null, holds(host, seen), host.toString(), seen));
    }
    PathPattern path = entry.path();
    if (path != null) {
      conditions.add(
          condition(
              Attribute.PATH,
              null,
              path.matchedCharacters(target, end) >= 0,
              path.toString(),
              target.substring(0, end)));
    }
    String method = entry.method();
    if (method != null) {
      String seen = request.method().toString();
      conditions.add(condition(Attribute.METHOD, null, method.equals(seen), method, seen));
    } else if (RequestMethod.isConnect(request.method())) {
      conditions.add(condition(Attribute.METHOD, null, false, "any but CONNECT", "CONNECT"));
    }
    for (ValuePattern header : entry.headers()) {
      CharSequence seen = request.header(header.name());
      conditions.add(
          condition(
              Attribute.HEADER,
              header.name(),
              header.matches(seen),
              header.toString(),
              seen == null ? null : seen.toString()));
    }
    for (ValuePattern parameter : entry.query()) {
      conditions.add(
          condition(
              Attribute.QUERY,
              parameter.name(),
              parameter.matchesParameter(target, end, null),
              parameter.toString(),
              query < 0 ? null : target.substring(query + 1)));
    }
    boolean matched = conditions.stream().allMatch(Condition::holds);
    return new Explanation.RouteMatch(entry.route().ref(), matched, taken, conditions);
  }

  private static Condition condition(
      Attribute attribute,
      @Nullable String name,
      boolean holds,
      String wanted,
      @Nullable String seen) {
    return new Condition(
        attribute, name, holds, wanted, seen == null || seen.isEmpty() ? NONE : seen);
  }

  private static String host(String authority) {
    int start = HostIndex.hostStart(authority);
    StringBuilder host = new StringBuilder();
    for (int i = start; i < HostIndex.hostEnd(authority, start); i++) {
      host.append(HostIndex.lower(authority.charAt(i)));
    }
    return host.toString();
  }

  private static boolean holds(HostPattern pattern, String host) {
    return pattern.suffix()
        ? host.length() > pattern.text().length() + 1 && host.endsWith("." + pattern.text())
        : host.equals(pattern.text());
  }
}

package io.signetmesh.e2e.decision;

import io.signetmesh.proxy.authorize.ResourceRef;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * How many requests a proxy has let in and denied, by route: audit records do not name the route,
 * metrics do.
 *
 * @param requests by label of the route
 */
record RouteCounts(Map<ResourceRef, Long> requests) {
  private static final HttpClient CLIENT = HttpClient.newHttpClient();
  private static final Pattern SERIES =
      Pattern.compile("(?m)^inbound_http_authz_(?:allow|deny)_total\\{([^}]*)\\} (\\d+)");
  private static final Pattern LABEL = Pattern.compile("route_(group|kind|name)=\"([^\"]*)\"");

  /** What a proxy's admin server states. */
  static RouteCounts of(InetSocketAddress admin) throws Exception {
    URI metrics =
        URI.create(
            "http://" + admin.getAddress().getHostAddress() + ":" + admin.getPort() + "/metrics");
    HttpRequest request = HttpRequest.newBuilder(metrics).timeout(Duration.ofSeconds(15)).build();
    Map<ResourceRef, Long> requests = new HashMap<>();
    Matcher series =
        SERIES.matcher(CLIENT.send(request, HttpResponse.BodyHandlers.ofString()).body());
    String own = "target_port=\"" + admin.getPort() + "\"";
    while (series.find()) {
      if (series.group(1).contains(own)) {
        // This very request.
        continue;
      }
      Map<String, String> labels =
          LABEL
              .matcher(series.group(1))
              .results()
              .collect(Collectors.toMap(found -> found.group(1), found -> found.group(2)));
      String name = labels.getOrDefault("name", "");
      if (!name.isEmpty()) {
        ResourceRef route =
            new ResourceRef(
                labels.getOrDefault("group", ""), labels.getOrDefault("kind", ""), name);
        requests.merge(route, Long.parseLong(series.group(2)), Long::sum);
      }
    }
    return new RouteCounts(requests);
  }

  /** The one route that has taken requests since; null when none has. */
  @Nullable ResourceRef grownSince(RouteCounts before) {
    Set<String> labels = new TreeSet<>();
    ResourceRef grown = null;
    for (Map.Entry<ResourceRef, Long> entry : requests.entrySet()) {
      if (entry.getValue() > before.requests.getOrDefault(entry.getKey(), 0L)) {
        grown = entry.getKey();
        labels.add(grown.label());
      }
    }
    if (labels.size() > 1) {
      throw new AssertionError("requests of one kind took several routes: " + labels);
    }
    return grown;
  }
}

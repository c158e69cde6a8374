package io.signetmesh.cli.authz;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.linkerd.proxy.inbound.Authz;
import io.linkerd.proxy.inbound.GrpcRoute;
import io.linkerd.proxy.inbound.HttpRoute;
import io.linkerd.proxy.inbound.ProxyProtocol;
import io.linkerd.proxy.inbound.Server;
import io.linkerd.proxy.meta.Metadata;
import io.signetmesh.cli.authz.ProxyCounts.Counts;
import io.signetmesh.cli.text.TextTable;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * The authorizations of a namespace or a workload, by Server and route. The columns are those of
 * {@code linkerd viz authz}.
 */
public final class AuthorizationTable {
  private static final String UNKNOWN = "-";

  private final TreeSet<AuthorizationKey> keys = new TreeSet<>();
  private Map<AuthorizationKey, Counts> counts = new TreeMap<>();
  private @Nullable Duration window;

  /**
   * Adds the authorizations of a port.
   *
   * @param message policy of the port, as its proxy receives it
   */
  public void add(Server message) {
    String server =
        message.getLabelsOrDefault("kind", "server").toLowerCase(Locale.ROOT)
            + "/"
            + message.getLabelsOrDefault("name", "");
    ProxyProtocol protocol = message.getProtocol();
    List<HttpRoute> http = new ArrayList<>(protocol.getDetect().getHttpRoutesList());
    http.addAll(protocol.getHttp1().getRoutesList());
    http.addAll(protocol.getHttp2().getRoutesList());
    for (HttpRoute route : http) {
      List<Authz> own = new ArrayList<>(route.getSignetDenialsList());
      own.addAll(route.getAuthorizationsList());
      add(server, name(route.getMetadata()), own, message);
    }
    for (GrpcRoute route : protocol.getGrpc().getRoutesList()) {
      List<Authz> own = new ArrayList<>(route.getSignetDenialsList());
      own.addAll(route.getAuthorizationsList());
      add(server, name(route.getMetadata()), own, message);
    }
    if (http.isEmpty() && protocol.getGrpc().getRoutesCount() == 0) {
      add(server, isHttp(protocol) ? "default/default" : "", List.of(), message);
    }
  }

  /**
   * Adds the counts of proxies.
   *
   * @param over time over which the proxies counted; rates are per second of it
   */
  public void add(ProxyCounts counted, Duration over) {
    counts = counted.byKey();
    window = over;
    keys.addAll(counts.keySet());
    keys.removeIf(key -> key.authorization().isEmpty() && isSilent(key));
  }

  /** Whether the table has no rows. */
  public boolean isEmpty() {
    return keys.isEmpty();
  }

  /** Prints the table. */
  public void print(PrintWriter out) {
    TextTable table =
        new TextTable(
            "ROUTE",
            "SERVER",
            "AUTHORIZATION",
            "UNAUTHORIZED",
            "SUCCESS",
            "RPS",
            "LATENCY_P50",
            "LATENCY_P95",
            "LATENCY_P99");
    for (AuthorizationKey key : keys) {
      Counts known = counts.get(key);
      table.row(
          List.of(
              key.route().isEmpty() ? "*" : shortName(key.route()),
              serverName(key.server()),
              key.authorization().isEmpty() ? "" : key.authorization(),
              rate(known == null ? 0 : known.denied()),
              known == null || Double.isNaN(known.success())
                  ? UNKNOWN
                  : String.format(Locale.ROOT, "%.2f%%", known.success() * 100),
              rate(known == null ? 0 : known.allowed()),
              latency(known, 0.5),
              latency(known, 0.95),
              latency(known, 0.99)));
    }
    table.print(out);
  }

  /** The table as JSON. Unknown values are left out. */
  public ObjectNode json() {
    ObjectNode root = JsonNodeFactory.instance.objectNode();
    ArrayNode rows = root.putArray("rows");
    Duration over = window;
    for (AuthorizationKey key : keys) {
      ObjectNode row = rows.addObject();
      row.put("server", key.server());
      row.put("route", key.route());
      if (!key.authorization().isEmpty()) {
        row.put("authorization", key.authorization());
      }
      if (over != null) {
        Counts known = counts.get(key);
        row.put("unauthorizedPerSecond", perSecond(known == null ? 0 : known.denied(), over));
        row.put("allowedPerSecond", perSecond(known == null ? 0 : known.allowed(), over));
        if (known != null && !Double.isNaN(known.success())) {
          row.put("success", known.success());
        }
        if (known != null && !Double.isNaN(known.latency(0.5))) {
          row.put("latencyP50Ms", known.latency(0.5));
          row.put("latencyP95Ms", known.latency(0.95));
          row.put("latencyP99Ms", known.latency(0.99));
        }
      }
    }
    return root;
  }

  private void add(String server, String route, List<Authz> own, Server message) {
    List<Authz> all = new ArrayList<>(own);
    all.addAll(message.getSignetDenialsList());
    all.addAll(message.getAuthorizationsList());
    for (Authz authz : all) {
      keys.add(new AuthorizationKey(server, route, name(authz)));
    }
    if (all.isEmpty()) {
      keys.add(new AuthorizationKey(server, route, ""));
    }
  }

  /** Whether rows of the same route say all that this one could. */
  private boolean isSilent(AuthorizationKey key) {
    Counts known = counts.get(key);
    return (known == null || known.denied() == 0)
        && keys.stream()
            .anyMatch(
                other -> !other.authorization().isEmpty() && other.unauthorized().equals(key));
  }

  private static boolean isHttp(ProxyProtocol protocol) {
    return !protocol.hasOpaque() && !protocol.hasTls();
  }

  private static String name(Authz authz) {
    return authz.hasMetadata()
        ? name(authz.getMetadata())
        : authz.getLabelsOrDefault("kind", "authorization")
            + "/"
            + authz.getLabelsOrDefault("name", "");
  }

  private static String name(Metadata metadata) {
    return metadata.hasResource()
        ? metadata.getResource().getKind().toLowerCase(Locale.ROOT)
            + "/"
            + metadata.getResource().getName()
        : "default/" + metadata.getDefault();
  }

  private static String shortName(String resource) {
    return resource.substring(resource.indexOf('/') + 1);
  }

  private static String serverName(String resource) {
    return resource.startsWith("default/") ? "default:" + shortName(resource) : shortName(resource);
  }

  private String rate(double requests) {
    Duration over = window;
    return over == null
        ? UNKNOWN
        : String.format(Locale.ROOT, "%.1frps", perSecond(requests, over));
  }

  private static double perSecond(double requests, Duration over) {
    return requests * 1000 / over.toMillis();
  }

  private static String latency(@Nullable Counts known, double quantile) {
    double value = known == null ? Double.NaN : known.latency(quantile);
    return Double.isNaN(value)
        ? UNKNOWN
        : String.format(Locale.ROOT, "%dms", (long) Math.ceil(value));
  }
}

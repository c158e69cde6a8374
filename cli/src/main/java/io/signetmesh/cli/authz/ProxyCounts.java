package io.signetmesh.cli.authz;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** What proxies count in a time window: the difference between two readings of their metrics. */
public final class ProxyCounts {
  private static final Duration LIMIT = Duration.ofSeconds(5);
  private static final int MAX_CHARACTERS = 64 * 1024 * 1024;

  private final Map<AuthorizationKey, Counts> counts = new TreeMap<>();

  private ProxyCounts() {}

  /** The counters of one row. */
  public static final class Counts {
    private double allowed;
    private double denied;
    private double succeeded;
    private double failed;
    private final TreeMap<Double, Double> latency = new TreeMap<>();

    /** Number of allowed requests. */
    public double allowed() {
      return allowed;
    }

    /** Number of denied requests. */
    public double denied() {
      return denied;
    }

    /** Share of successful responses, 0 to 1; NaN without responses. */
    public double success() {
      return succeeded + failed == 0 ? Double.NaN : succeeded / (succeeded + failed);
    }

    /**
     * Estimate of a latency in milliseconds, interpolated linearly within its histogram bucket. NaN
     * when nothing was counted.
     *
     * @param quantile quantile, 0 to 1: 0.99 is the 99th percentile
     */
    public double latency(double quantile) {
      double total = latency.isEmpty() ? 0 : latency.lastEntry().getValue();
      if (total == 0) {
        return Double.NaN;
      }
      double rank = quantile * total;
      double lower = 0;
      double below = 0;
      for (Map.Entry<Double, Double> bucket : latency.entrySet()) {
        if (bucket.getValue() >= rank) {
          return bucket.getKey().isInfinite()
              ? lower
              : lower
                  + (bucket.getKey() - lower)
                      * (bucket.getValue() == below
                          ? 1
                          : (rank - below) / (bucket.getValue() - below));
        }
        lower = bucket.getKey();
        below = bucket.getValue();
      }
      return lower;
    }
  }

  /**
   * Reads the metrics of proxies, waits for the window, and reads them again.
   *
   * @param proxies addresses of their admin servers
   * @param window time between the readings
   * @throws IOException when a proxy does not answer; the message names its address
   */
  public static ProxyCounts over(List<InetSocketAddress> proxies, Duration window)
      throws IOException, InterruptedException {
    try (HttpClient client = HttpClient.newBuilder().connectTimeout(LIMIT).build()) {
      List<List<MetricSample>> before = read(client, proxies);
      Thread.sleep(window);
      List<List<MetricSample>> after = read(client, proxies);
      ProxyCounts result = new ProxyCounts();
      for (int i = 0; i < proxies.size(); i++) {
        result.add(before.get(i), after.get(i));
      }
      return result;
    }
  }

  /** What two readings of one proxy differ by. */
  static ProxyCounts between(String before, String after) {
    ProxyCounts result = new ProxyCounts();
    result.add(MetricSample.parse(before), MetricSample.parse(after));
    return result;
  }

  /** The counts of each row. */
  public Map<AuthorizationKey, Counts> byKey() {
    return counts;
  }

  private static List<List<MetricSample>> read(HttpClient client, List<InetSocketAddress> proxies)
      throws IOException, InterruptedException {
    List<List<MetricSample>> readings = new ArrayList<>();
    for (InetSocketAddress proxy : proxies) {
      String host = proxy.getAddress().getHostAddress();
      URI uri =
          URI.create(
              "http://"
                  + (host.indexOf(':') < 0 ? host : "[" + host + "]")
                  + ":"
                  + proxy.getPort()
                  + "/metrics");
      try {
        HttpResponse<String> response =
            client.send(
                HttpRequest.newBuilder(uri).timeout(LIMIT).build(),
                HttpResponse.BodyHandlers.ofString());
        if (response.statusCode() != 200 || response.body().length() > MAX_CHARACTERS) {
          throw new IOException("status " + response.statusCode());
        }
        readings.add(MetricSample.parse(response.body()));
      } catch (IOException e) {
        throw new IOException(
            "no metrics from the proxy at "
                + uri
                + ": "
                + (e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage()),
            e);
      }
    }
    return readings;
  }

  private void add(List<MetricSample> before, List<MetricSample> after) {
    Map<String, Map<Map<String, String>, Double>> first = new HashMap<>();
    for (MetricSample sample : before) {
      first
          .computeIfAbsent(sample.name(), name -> new HashMap<>())
          .merge(sample.labels(), sample.value(), Double::sum);
    }
    for (MetricSample sample : after) {
      double earlier =
          first.getOrDefault(sample.name(), Map.of()).getOrDefault(sample.labels(), 0.0);
      // A counter that has gone back began anew.
      add(sample, sample.value() >= earlier ? sample.value() - earlier : sample.value());
    }
  }

  private void add(MetricSample sample, double grown) {
    switch (sample.name()) {
      case "inbound_http_authz_allow_total" -> of(sample).allowed += grown;
      case "inbound_http_authz_deny_total" -> of(sample).denied += grown;
      case "response_total" -> {
        if (sample.label("direction").equals("inbound")) {
          if (sample.label("classification").equals("success")) {
            of(sample).succeeded += grown;
          } else {
            of(sample).failed += grown;
          }
        }
      }
      case "response_latency_ms_bucket" -> {
        if (sample.label("direction").equals("inbound")) {
          String bound = sample.label("le");
          of(sample)
              .latency
              .merge(
                  bound.equals("+Inf") ? Double.POSITIVE_INFINITY : Double.parseDouble(bound),
                  grown,
                  Double::sum);
        }
      }
      default -> {}
    }
  }

  private Counts of(MetricSample sample) {
    return counts.computeIfAbsent(
        new AuthorizationKey(
            resource(sample, "srv"), resource(sample, "route"), resource(sample, "authz")),
        key -> new Counts());
  }

  private static String resource(MetricSample sample, String prefix) {
    String name = sample.label(prefix + "_name");
    return name.isEmpty() ? "" : sample.label(prefix + "_kind") + "/" + name;
  }
}

package io.signetmesh.bench.identity;

import com.fasterxml.jackson.annotation.JsonProperty;
import io.signetmesh.bench.Findings;
import io.signetmesh.bench.RunDirectory;
import io.signetmesh.bench.fleet.CaProcess;
import io.signetmesh.bench.fleet.Fleet;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** The command {@code bench/run stampede}. */
@Command(
    name = "stampede",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Has many proxies ask one identity server ('signet identity') for their certificates at the same"
          + " moment: at a restart of everything, when the anchor of their certificates is taken away,"
          + " and when the certificates that they got at the same time have to be renewed.",
      "Proxies are the product's own identity clients in a few processes: each with its key, its TLS"
          + " connections, its address on loopback, its trust bundle stream, its waits and their jitter."
    },
    footer = {
      "",
      "Exit codes: 0 everyone was served, and nobody's certificate ran out; 1 not so; 2 usage; 70"
          + " something broke.",
      "",
      "Example:",
      "  bench/run stampede --proxies 10000 --json stampede.json"
    })
public final class StampedeBench implements Callable<Integer> {
  private static final Duration LOOK = Duration.ofMillis(100);

  @Option(
      names = "--proxies",
      paramLabel = "N",
      description = "Proxies, 100 to 60000. Default: ${DEFAULT-VALUE}.")
  private int proxies = 10_000;

  @Option(
      names = "--processes",
      paramLabel = "N",
      description = "Processes that play them, 1 to 16. Default: ${DEFAULT-VALUE}.")
  private int processes = 2;

  @Option(
      names = "--leaf-lifetime",
      paramLabel = "SECONDS",
      description = "Life of a certificate, 60 to 3600. Default: ${DEFAULT-VALUE}.")
  private int lifetime = 150;

  @Option(
      names = "--limit",
      paramLabel = "SECONDS",
      description = "Longest wait for all to be served, 10 to 3600. Default: ${DEFAULT-VALUE}.")
  private int limit = 120;

  @Option(names = "--json", paramLabel = "FILE", description = "Write the result to FILE as well.")
  private @Nullable Path json;

  @Option(
      names = "--keep",
      paramLabel = "DIR",
      description = "Keep logs of the run in DIR, which must not exist.")
  private @Nullable Path keep;

  private final PrintStream out = System.out;
  private final Findings findings = new Findings();
  private long failuresSeen;

  /** A line of the result. Times are since the beginning of what is measured. */
  private record Row(
      @JsonProperty("served") int served,
      @JsonProperty("first_s") double firstSeconds,
      @JsonProperty("median_s") double medianSeconds,
      @JsonProperty("p99_s") double p99Seconds,
      @JsonProperty("last_s") double lastSeconds,
      @JsonProperty("failed_attempts") long failedAttempts,
      @JsonProperty("server_cpu_s") double serverCpuSeconds,
      @JsonProperty("server_rss_mb") double serverRssMegabytes,
      @JsonProperty("server_peak_rss_mb") double serverPeakRssMegabytes) {}

  @Override
  public Integer call() throws Exception {
    if (proxies < 100
        || proxies > 60_000
        || processes < 1
        || processes > 16
        || lifetime < 60
        || lifetime > 3_600
        || limit < 10
        || limit > 3_600) {
      System.err.println("bench: an option is out of range, see --help");
      return 2;
    }
    try (RunDirectory directory = RunDirectory.open("stampede", keep);
        CaProcess server =
            CaProcess.signet(directory.path(), List.of("--leaf-lifetime", lifetime + "s"));
        Fleet fleet = Fleet.start(server, proxies, processes, directory.path())) {
      out.printf(
          "%,d proxies in %d processes on all cores; the server runs on one; leaves"
              + " live %d s%n%n",
          proxies, processes, lifetime);
      out.printf(
          "%-15s %8s %9s %9s %9s %9s %8s %8s %8s %9s%n",
          "",
          "served",
          "first s",
          "median s",
          "p99 s",
          "last s",
          "failures",
          "CPU s",
          "RSS MB",
          "peak MB");
      restart(server, fleet);
      removeAnchor(server, fleet);
      renew(server, fleet);
    }
    return findings.end(out, json, "everyone was served, no certificate ran out");
  }

  /** Server and proxies start at the same time: the server has just begun to listen. */
  private void restart(CaProcess server, Fleet fleet) throws Exception {
    server.restart();
    double before = server.cpuSeconds();
    long start = System.currentTimeMillis();
    fleet.tell("start", "started");
    double started = (System.currentTimeMillis() - start) / 1e3;
    fleet.await(Fleet.State::ready, proxies, Duration.ofSeconds(limit));
    report("restart: leaf", "restart_certificate", server, fleet, before, start, "first");
    report("restart: ready", "restart_ready", server, fleet, before, start, "ready");
    findings.put("started_within_s", started);
  }

  /** The anchor of all certificates is taken away: all proxies need another one at once. */
  private void removeAnchor(CaProcess server, Fleet fleet) throws Exception {
    server.files().changeIssuer();
    Thread.sleep(Duration.ofSeconds(8));
    double before = server.cpuSeconds();
    fleet.tell("mark", "marked");
    long start = System.currentTimeMillis();
    server.files().removeOldAnchors();
    fleet.await(Fleet.State::again, proxies, Duration.ofSeconds(limit));
    report("anchor removed", "anchor_removed", server, fleet, before, start, "again");
  }

  /** Those certificates end: each proxy asks in time for the next. */
  private void renew(CaProcess server, Fleet fleet) throws Exception {
    double before = server.cpuSeconds();
    long begun = System.currentTimeMillis();
    fleet.tell("mark", "marked");
    long end = System.nanoTime() + Duration.ofSeconds(lifetime + 20L).toNanos();
    while (fleet.state().again() < proxies && System.nanoTime() - end < 0) {
      server.expectAlive();
      Thread.sleep(LOOK);
    }
    report("renewal", "renewal", server, fleet, before, begun, "again");
    Fleet.State state = fleet.state();
    double[] left = Arrays.stream(fleet.times("left")).mapToDouble(ms -> ms / 1e3).toArray();
    findings.put("life_left_at_renewal_least_s", left[0]);
    findings.put("life_left_at_renewal_median_s", left[left.length / 2]);
    out.printf(
        "%nlife left when renewed: %.1f s at least, %.1f s in the median",
        left[0], left[left.length / 2]);
    findings.put("certificates_that_ran_out", state.lost());
    out.printf(
        "%n%,d certificates; %,d ran out before the next one%n", state.refreshes(), state.lost());
    if (state.lost() > 0) {
      findings.miss("the certificate of " + state.lost() + " proxies ran out");
    }
  }

  private void report(
      String label,
      String key,
      CaProcess server,
      Fleet fleet,
      double cpuBefore,
      long start,
      String which)
      throws IOException, InterruptedException {
    long[] times = fleet.times(which);
    long[] served = Arrays.stream(times).filter(time -> time != 0).toArray();
    Fleet.State state = fleet.state();
    Row row =
        new Row(
            served.length,
            at(served, 0, start),
            at(served, 0.5, start),
            at(served, 0.99, start),
            at(served, 1, start),
            state.failures() - failuresSeen,
            server.cpuSeconds() - cpuBefore,
            server.rssMegabytes(),
            server.peakRssMegabytes());
    failuresSeen = state.failures();
    findings.put(key, row);
    out.printf(
        "%-15s %,8d %9.1f %9.1f %9.1f %9.1f %,8d %8.1f %8.0f %9.0f%n",
        label,
        row.served,
        row.firstSeconds,
        row.medianSeconds,
        row.p99Seconds,
        row.lastSeconds,
        row.failedAttempts,
        row.serverCpuSeconds,
        row.serverRssMegabytes,
        row.serverPeakRssMegabytes);
    if (served.length < proxies) {
      findings.miss(label + ": " + (proxies - served.length) + " proxies were not served");
    }
  }

  private static double at(long[] sorted, double share, long start) {
    if (sorted.length == 0) {
      return Double.NaN;
    }
    int index = (int) Math.ceil(sorted.length * share) - 1;
    return (sorted[Math.max(0, index)] - start) / 1e3;
  }
}

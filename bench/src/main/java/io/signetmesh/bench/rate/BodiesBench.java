package io.signetmesh.bench.rate;

import io.signetmesh.bench.Backend;
import io.signetmesh.bench.Findings;
import io.signetmesh.bench.H2load;
import io.signetmesh.bench.Load;
import io.signetmesh.bench.ProcessUsage;
import io.signetmesh.bench.Protocol;
import io.signetmesh.bench.ProxyPair;
import io.signetmesh.bench.ProxySystem;
import io.signetmesh.bench.RunDirectory;
import java.io.PrintStream;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.function.ToDoubleFunction;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** The command {@code bench/run bodies}. */
@Command(
    name = "bodies",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Measures the throughput of large bodies, and what a GB costs: four clients fetch 64 MB again and"
          + " again through a pair of proxies with mTLS between them, over TCP, HTTP/1.1 and HTTP/2."
          + " Signet, with policy, metrics and audit on, beside HAProxy.",
      "",
      "Goal: no request fails."
    },
    footer = {
      "",
      "Exit codes: 0 the goal is met; 1 it is missed; 2 usage; 69 a program is missing; 70 something"
          + " broke.",
      "",
      "Examples:",
      "  bench/run bodies --json bodies.json",
      "  bench/run bodies --seconds 20 --rounds 5"
    })
public final class BodiesBench implements Callable<Integer> {
  private static final int MISSING = 69;
  private static final int CONNECTIONS = 4;
  private static final double GIGABYTE = 1e9;
  private static final List<Protocol> PROTOCOLS =
      List.of(Protocol.TCP, Protocol.HTTP1, Protocol.HTTP2);

  @Option(
      names = "--system",
      paramLabel = "NAME",
      split = ",",
      description = "signet, haproxy; may be repeated. Both by default.")
  private @Nullable List<String> systems;

  @Option(
      names = "--seconds",
      paramLabel = "N",
      description = "Length of a measured run, 1 to 600. Default: ${DEFAULT-VALUE}.")
  private int seconds = 6;

  @Option(
      names = "--rounds",
      paramLabel = "N",
      description = "Measured runs of each system, 1 to 100. Default: ${DEFAULT-VALUE}.")
  private int rounds = 3;

  @Option(
      names = "--warm",
      paramLabel = "N",
      description = "Seconds for each protocol before, 0 to 600. Default: ${DEFAULT-VALUE}.")
  private int warm = 10;

  @Option(
      names = "--json",
      paramLabel = "FILE",
      description = "Write the result to FILE as well, one object for each protocol and system.")
  private @Nullable Path json;

  @Option(
      names = "--keep",
      paramLabel = "DIR",
      description = "Keep configurations and logs of the run in DIR, which must not exist.")
  private @Nullable Path keep;

  private final ProcessUsage usage = new ProcessUsage(Path.of("/proc"));
  private final PrintStream progress = System.err;

  /** Made by picocli. */
  public BodiesBench() {}

  /**
   * A run of a system, or the medians of several.
   *
   * @param cpuSecondsPerGigabyte of both proxies together, for 10<sup>9</sup> bytes
   * @param rssMegabytes resident memory of one proxy after the run, mean of the pair
   */
  record Result(
      double gigabytesPerSecond, double cpuSecondsPerGigabyte, double rssMegabytes, long errors) {
    private static Result median(List<Result> runs) {
      return new Result(
          median(runs, Result::gigabytesPerSecond),
          median(runs, Result::cpuSecondsPerGigabyte),
          median(runs, Result::rssMegabytes),
          runs.stream().mapToLong(Result::errors).sum());
    }

    private static double median(List<Result> runs, ToDoubleFunction<Result> figure) {
      double[] sorted = runs.stream().mapToDouble(figure).sorted().toArray();
      int middle = sorted.length / 2;
      return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }
  }

  @Override
  public Integer call() throws Exception {
    List<ProxySystem> chosen = Pairs.choose(systems, progress);
    if (chosen == null) {
      return 2;
    }
    if (seconds < 1 || seconds > 600 || rounds < 1 || rounds > 100 || warm < 0 || warm > 600) {
      progress.println(
          "bench: --seconds must be 1 to 600, --rounds 1 to 100 and --warm 0 to 600, see --help");
      return 2;
    }
    if (!Pairs.installed(chosen, progress)) {
      return MISSING;
    }
    Map<Protocol, Map<String, Result>> results = new LinkedHashMap<>();
    try (RunDirectory directory = RunDirectory.open("bodies", keep);
        Pairs pairs = Pairs.start(chosen, directory.path())) {
      for (Protocol protocol : PROTOCOLS) {
        results.put(protocol, measure(protocol, pairs, directory.path()));
      }
    }
    print(results);
    Findings findings = new Findings();
    results.forEach(
        (protocol, bySystem) ->
            bySystem.forEach(
                (name, result) -> {
                  findings.put(protocol.label() + "-" + name, result);
                  findings.expect(
                      result.errors() == 0,
                      protocol.label() + " " + name + ": " + result.errors() + " requests failed");
                }));
    return findings.end(System.out, json, "the goal is met");
  }

  private Map<String, Result> measure(Protocol protocol, Pairs pairs, Path directory)
      throws Exception {
    if (warm > 0) {
      for (ProxyPair pair : pairs.all().values()) {
        run(protocol, pair, Duration.ofSeconds(warm), directory);
      }
    }
    Map<String, List<Result>> runs = new LinkedHashMap<>();
    for (int round = 1; round <= rounds; round++) {
      for (Map.Entry<String, ProxyPair> pair : pairs.all().entrySet()) {
        Result result = run(protocol, pair.getValue(), Duration.ofSeconds(seconds), directory);
        progress.printf(
            Locale.ROOT,
            "bench:   round %d %s %s: %.2f GB/s, %.2f s of CPU time a GB%n",
            round,
            protocol.label(),
            pair.getKey(),
            result.gigabytesPerSecond(),
            result.cpuSecondsPerGigabyte());
        runs.computeIfAbsent(pair.getKey(), name -> new ArrayList<>()).add(result);
      }
    }
    Map<String, Result> medians = new LinkedHashMap<>();
    runs.forEach((name, list) -> medians.put(name, Result.median(list)));
    return medians;
  }

  private Result run(Protocol protocol, ProxyPair pair, Duration length, Path directory)
      throws Exception {
    long before = usage.cpuMicros(pair.pids());
    Load load =
        H2load.fetch(
            pair.entry(protocol),
            protocol,
            Backend.LARGE,
            CONNECTIONS,
            length,
            directory.resolve("load.log"));
    double cpu = (usage.cpuMicros(pair.pids()) - before) / 1e6;
    pair.expectAlive();
    double gigabytes = load.bytes() / GIGABYTE;
    return new Result(
        gigabytes / load.seconds(),
        cpu / Math.max(gigabytes, 1e-9),
        usage.rssMegabytes(pair.pids()),
        load.errors());
  }

  private static void print(Map<Protocol, Map<String, Result>> results) {
    String line = "%-6s %-8s %8s %10s %8s%n";
    System.out.printf(line, "work", "system", "GB/s", "CPU s/GB", "RSS MB");
    results.forEach(
        (protocol, bySystem) -> {
          bySystem.forEach(
              (name, result) ->
                  System.out.printf(
                      line,
                      protocol.label(),
                      name,
                      number(result.gigabytesPerSecond(), 2),
                      number(result.cpuSecondsPerGigabyte(), 2),
                      number(result.rssMegabytes(), 0)));
          Result a = bySystem.get("signet");
          Result b = bySystem.get("haproxy");
          if (a != null && b != null) {
            System.out.printf(
                line,
                protocol.label(),
                "ratio",
                number(a.gigabytesPerSecond() / b.gigabytesPerSecond(), 2),
                number(b.cpuSecondsPerGigabyte() / a.cpuSecondsPerGigabyte(), 2),
                number(b.rssMegabytes() / a.rssMegabytes(), 2));
          }
        });
    System.out.println();
    System.out.println("Ratios: above 1 Signet is faster, or takes less CPU time or less memory.");
  }

  private static String number(double value, int decimals) {
    return String.format(Locale.ROOT, "%,." + decimals + "f", value);
  }
}

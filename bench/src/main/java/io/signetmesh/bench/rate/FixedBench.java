package io.signetmesh.bench.rate;

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

/** The command {@code bench/run fixed}. */
@Command(
    name = "fixed",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Measures latencies at a fixed rate of requests, far from saturation: h2load sends so many a second"
          + " (--rps), whether answers come or not. Signet, with policy, metrics and audit on, beside"
          + " HAProxy: pairs of proxies with mTLS between them, warmed at saturation before.",
      "",
      "Goals: no request fails, all are sent, and Signet's p99 at 2,000 requests a second is at most 1.25"
          + " times HAProxy's."
    },
    footer = {
      "",
      "Exit codes: 0 all goals are met; 1 a goal is missed; 2 usage; 69 a program is missing; 70"
          + " something broke.",
      "",
      "Examples:",
      "  bench/run fixed --json fixed.json",
      "  bench/run fixed --rate 500 --seconds 30 --rounds 5"
    })
public final class FixedBench implements Callable<Integer> {
  private static final int MISSING = 69;
  private static final int CONNECTIONS = 20;
  private static final int GOAL_RATE = 2000;
  private static final double GOAL = 1.25;

  /** Part of the requests that has to be sent and answered for the rate to count as kept. */
  private static final double KEPT = 0.97;

  private static final List<Protocol> PROTOCOLS =
      List.of(Protocol.TCP, Protocol.HTTP1, Protocol.HTTP2);

  @Option(
      names = "--rate",
      paramLabel = "N",
      split = ",",
      description =
          "Requests a second, 20 to 10,000, by twenties; may be repeated. Default: 200 and 2,000.")
  private List<Integer> rates = List.of(200, GOAL_RATE);

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
  private int seconds = 10;

  @Option(
      names = "--rounds",
      paramLabel = "N",
      description = "Measured runs of each system, 1 to 100. Default: ${DEFAULT-VALUE}.")
  private int rounds = 3;

  @Option(
      names = "--warm",
      paramLabel = "N",
      description =
          "Seconds at saturation for each protocol before, 0 to 600. Default: ${DEFAULT-VALUE}.")
  private int warm = 20;

  @Option(
      names = "--json",
      paramLabel = "FILE",
      description = "Write the result to FILE as well, one object for each work and system.")
  private @Nullable Path json;

  @Option(
      names = "--keep",
      paramLabel = "DIR",
      description = "Keep configurations and logs of the run in DIR, which must not exist.")
  private @Nullable Path keep;

  private final ProcessUsage usage = new ProcessUsage(Path.of("/proc"));
  private final PrintStream progress = System.err;

  /** Made by picocli. */
  public FixedBench() {}

  /** A protocol at a rate. */
  private record Work(Protocol protocol, int rate) {
    String label() {
      return protocol.label() + "-" + rate;
    }
  }

  /** One run of a system. */
  private record Run(Load load, double cpuMicrosPerRequest) {}

  /**
   * Medians of the runs of a system.
   *
   * @param requestsPerSecond answered
   */
  record Result(
      double requestsPerSecond,
      double p50Micros,
      double p99Micros,
      double p999Micros,
      double cpuMicrosPerRequest,
      long errors) {
    private static Result of(List<Run> runs) {
      return new Result(
          median(runs, run -> run.load().requestsPerSecond()),
          median(runs, run -> run.load().p50Micros()),
          median(runs, run -> run.load().p99Micros()),
          median(runs, run -> run.load().p999Micros()),
          median(runs, Run::cpuMicrosPerRequest),
          runs.stream().mapToLong(run -> run.load().errors()).sum());
    }

    private static double median(List<Run> runs, ToDoubleFunction<Run> figure) {
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
    for (int rate : rates) {
      if (rate < CONNECTIONS || rate > 10_000 || rate % CONNECTIONS != 0) {
        progress.println("bench: --rate " + rate + ": expected a multiple of 20 from 20 to 10000");
        return 2;
      }
    }
    if (!Pairs.installed(chosen, progress)) {
      return MISSING;
    }
    Map<Work, Map<String, Result>> results;
    try (RunDirectory directory = RunDirectory.open("fixed", keep);
        Pairs pairs = Pairs.start(chosen, directory.path())) {
      warmUp(pairs, directory.path());
      results = measure(pairs, directory.path());
    }
    print(results);
    Findings findings = new Findings();
    judge(results, findings);
    return findings.end(System.out, json, "all goals are met");
  }

  private void warmUp(Pairs pairs, Path directory) throws Exception {
    if (warm == 0) {
      return;
    }
    for (Map.Entry<String, ProxyPair> pair : pairs.all().entrySet()) {
      for (Protocol protocol : PROTOCOLS) {
        H2load.atRate(
            pair.getValue().entry(protocol),
            protocol,
            CONNECTIONS,
            1_000_000,
            Duration.ofSeconds(warm),
            directory.resolve("load.log"));
      }
      progress.println("bench: " + pair.getKey() + " was warmed for " + warm + " s a protocol");
    }
  }

  private Map<Work, Map<String, Result>> measure(Pairs pairs, Path directory) throws Exception {
    Map<Work, Map<String, Result>> results = new LinkedHashMap<>();
    for (Protocol protocol : PROTOCOLS) {
      for (int rate : rates) {
        Work work = new Work(protocol, rate);
        Map<String, List<Run>> runs = new LinkedHashMap<>();
        for (int round = 1; round <= rounds; round++) {
          for (Map.Entry<String, ProxyPair> pair : pairs.all().entrySet()) {
            Run run = measure(work, pair.getValue(), directory);
            progress.printf(
                Locale.ROOT,
                "bench:   round %d %s %s: p50 %,.0f, p99 %,.0f, p99.9 %,.0f µs%n",
                round,
                work.label(),
                pair.getKey(),
                run.load().p50Micros(),
                run.load().p99Micros(),
                run.load().p999Micros());
            runs.computeIfAbsent(pair.getKey(), name -> new ArrayList<>()).add(run);
          }
        }
        Map<String, Result> ofWork = new LinkedHashMap<>();
        runs.forEach((name, list) -> ofWork.put(name, Result.of(list)));
        results.put(work, ofWork);
      }
    }
    return results;
  }

  private Run measure(Work work, ProxyPair pair, Path directory) throws Exception {
    long before = usage.cpuMicros(pair.pids());
    Load load =
        H2load.atRate(
            pair.entry(work.protocol()),
            work.protocol(),
            CONNECTIONS,
            work.rate(),
            Duration.ofSeconds(seconds),
            directory.resolve("load.log"));
    long cpu = usage.cpuMicros(pair.pids()) - before;
    pair.expectAlive();
    return new Run(load, cpu / (double) Math.max(1, load.requests()));
  }

  private static void judge(Map<Work, Map<String, Result>> results, Findings findings) {
    results.forEach(
        (work, bySystem) -> {
          bySystem.forEach(
              (name, result) -> {
                findings.put(work.label() + "-" + name, result);
                findings.expect(
                    result.errors() == 0,
                    work.label() + " " + name + ": " + result.errors() + " requests failed");
                findings.expect(
                    result.requestsPerSecond() >= KEPT * work.rate(),
                    String.format(
                        Locale.ROOT,
                        "%s %s: %,.0f requests a second were answered",
                        work.label(),
                        name,
                        result.requestsPerSecond()));
              });
          Result ours = bySystem.get("signet");
          Result theirs = bySystem.get("haproxy");
          if (work.rate() == GOAL_RATE && ours != null && theirs != null) {
            findings.expect(
                ours.p99Micros() <= GOAL * theirs.p99Micros(),
                String.format(
                    Locale.ROOT,
                    "%s: p99 is %.2f times HAProxy's, at most %.2f is wanted",
                    work.label(),
                    ours.p99Micros() / theirs.p99Micros(),
                    GOAL));
          }
        });
  }

  private static void print(Map<Work, Map<String, Result>> results) {
    String line = "%-12s %-8s %11s %9s %9s %9s %9s%n";
    System.out.printf(
        line, "work", "system", "requests/s", "p50 µs", "p99 µs", "p99.9 µs", "CPU µs");
    results.forEach(
        (work, bySystem) -> {
          bySystem.forEach(
              (name, result) ->
                  System.out.printf(
                      line,
                      work.label(),
                      name,
                      number(result.requestsPerSecond(), 0),
                      number(result.p50Micros(), 0),
                      number(result.p99Micros(), 0),
                      number(result.p999Micros(), 0),
                      number(result.cpuMicrosPerRequest(), 0)));
          Result a = bySystem.get("signet");
          Result b = bySystem.get("haproxy");
          if (a != null && b != null) {
            System.out.printf(
                line,
                work.label(),
                "ratio",
                "",
                number(b.p50Micros() / a.p50Micros(), 2),
                number(b.p99Micros() / a.p99Micros(), 2),
                number(b.p999Micros() / a.p999Micros(), 2),
                number(b.cpuMicrosPerRequest() / a.cpuMicrosPerRequest(), 2));
          }
        });
    System.out.println();
    System.out.println("Ratios: above 1 Signet takes a shorter time, or less CPU time.");
  }

  private static String number(double value, int decimals) {
    return String.format(Locale.ROOT, "%,." + decimals + "f", value);
  }
}

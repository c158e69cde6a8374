package io.signetmesh.bench.rego;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.openjdk.jmh.profile.GCProfiler;
import org.openjdk.jmh.results.Result;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.ChainedOptionsBuilder;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** The command {@code bench/run rego}. */
@Command(
    name = "rego",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Measures what a decision by a policy in Rego costs beside a plain authorization, and what it"
          + " costs to compile a bundle, by JMH with its allocation profiler. The bundles are compiled"
          + " by opa, which is built for that: it needs Go."
    },
    footer = {
      "",
      "Exit codes: 0 measured; 1 measured, but a decision without regular expressions took more than"
          + " 50 µs; 2 usage; 69 there is no Go, or opa cannot be built; 70 something broke.",
      "",
      "Example:",
      "  bench/run rego --forks 3"
    })
public final class RegoBench implements Callable<Integer> {
  private static final int MISSING = 69;
  private static final double MOST_MICROS = 50;

  @Option(
      names = "--forks",
      paramLabel = "N",
      description = "Processes for each figure, 1 to 100. Default: ${DEFAULT-VALUE}.")
  private int forks = 2;

  @Option(
      names = "--iterations",
      paramLabel = "N",
      description =
          "Measured seconds in each process, 1 to 1000, after twice as many that do not count."
              + " Default: ${DEFAULT-VALUE}.")
  private int iterations = 5;

  @Override
  public Integer call() throws Exception {
    Path rego = Path.of(System.getenv("SIGNET_LAUNCHER")).resolveSibling("rego");
    if (!build(rego)) {
      return MISSING;
    }
    List<RunResult> results = new ArrayList<>();
    results.addAll(
        run(
            options(rego, PlainBenchmark.class)
                .warmupIterations(2 * iterations)
                .measurementIterations(iterations)));
    results.addAll(
        run(
            options(rego, RegoBenchmark.class)
                .warmupIterations(2 * iterations)
                .measurementIterations(iterations)));
    results.addAll(
        run(
            options(rego, CompileBenchmark.class)
                .warmupIterations(0)
                .measurementIterations(1)
                .forks(2 * forks)));
    results.addAll(
        run(options(rego, CompileBenchmark.class).warmupIterations(5).measurementIterations(5)));
    return print(results) ? 0 : 1;
  }

  private static boolean build(Path rego) throws IOException, InterruptedException {
    return new ProcessBuilder(rego.resolve("build-bundles").toString())
            .inheritIO()
            .start()
            .waitFor()
        == 0;
  }

  private ChainedOptionsBuilder options(Path rego, Class<?> benchmark) {
    return new OptionsBuilder()
        .include("^" + benchmark.getName() + "\\.")
        .forks(forks)
        .warmupTime(TimeValue.seconds(1))
        .measurementTime(TimeValue.seconds(1))
        .addProfiler(GCProfiler.class)
        .jvmArgs(
            "-XX:+UseSerialGC",
            "-XX:+UseCompactObjectHeaders",
            // As ./signet starts a proxy.
            "-Xmx192m",
            "-Xmn16m",
            "-XX:ReservedCodeCacheSize=24m",
            "-XX:MaxMetaspaceSize=64m",
            "-D" + PolicyBundles.FOLDER + "=" + rego.resolve("target").resolve("bundles"),
            "--sun-misc-unsafe-memory-access=allow")
        .shouldFailOnError(true);
  }

  private static List<RunResult> run(ChainedOptionsBuilder options) throws RunnerException {
    return List.copyOf(new Runner(options.build()).run());
  }

  private static boolean print(List<RunResult> results) {
    System.out.printf("%n%-22s %-18s %18s %12s%n", "what", "rule", "time", "B/decision");
    boolean met = true;
    for (RunResult result : results) {
      Result<?> time = result.getPrimaryResult();
      Result<?> allocated = result.getSecondaryResults().get("gc.alloc.rate.norm");
      String name = result.getParams().getBenchmark();
      String rule = result.getParams().getParam("rule");
      boolean first = result.getParams().getWarmup().getCount() == 0;
      System.out.printf(
          "%-22s %-18s %8.2f ± %5.2f %s %,12.0f%n",
          first ? "first compilation" : what(name),
          rule != null ? rule : "",
          time.getScore(),
          time.getScoreError(),
          time.getScoreUnit().substring(0, 2),
          allocated != null ? allocated.getScore() : Double.NaN);
      met &=
          !name.contains("RegoBenchmark")
              || "regex/allow".equals(rule)
              || time.getScore() <= MOST_MICROS;
    }
    return met;
  }

  private static String what(String benchmark) {
    if (benchmark.contains("Plain")) {
      return "plain authorization";
    }
    return benchmark.contains("Compile") ? "compilation" : "decision by Rego";
  }
}

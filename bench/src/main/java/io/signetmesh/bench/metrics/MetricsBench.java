package io.signetmesh.bench.metrics;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.profile.GCProfiler;
import org.openjdk.jmh.results.Result;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;

/** The command {@code bench/run metrics}. */
@Command(
    name = "metrics",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Measures the metrics registry of the proxy beside Micrometer with its Prometheus registry:"
          + " the cost of counting a request and its latency with resolved handles, the memory of a"
          + " label set, and the time to write a page of 10,000 label sets."
    },
    footer = {
      "",
      "Exit codes: 0 measured; 1 measured, but the proxy's registry allocates when it counts, or a"
          + " figure is worse than Micrometer's; 2 usage; 70 something broke.",
      "",
      "Example:",
      "  bench/run metrics --json metrics.json"
    })
public final class MetricsBench implements Callable<Integer> {
  private static final int SETS = 10_000;

  /** What the profiler itself leaves in an iteration, spread over its operations. */
  private static final double NO_BYTES = 0.01;

  /** As a proxy runs, with room for what Micrometer keeps. */
  private static final List<String> FLAGS =
      List.of("-XX:+UseSerialGC", "-XX:+UseCompactObjectHeaders", "-Xms512m", "-Xmx512m");

  @Option(
      names = "--forks",
      paramLabel = "N",
      description = "Processes for each figure, 1 to 100. Default: ${DEFAULT-VALUE}.")
  private int forks = 2;

  @Option(
      names = "--iterations",
      paramLabel = "N",
      description =
          "Measured seconds in each process, 1 to 1000, after as many that do not count. Default:"
              + " ${DEFAULT-VALUE}.")
  private int iterations = 5;

  @Option(
      names = "--json",
      paramLabel = "FILE",
      description = "Write the result to FILE as well, one object a row.")
  private @Nullable Path json;

  /**
   * A line of the table.
   *
   * @param work what was measured
   * @param unit of the two figures
   * @param proxy figure of the proxy's registry
   * @param micrometer figure of Micrometer
   */
  private record Figure(String work, String unit, double proxy, double micrometer) {}

  @Override
  public Integer call() throws Exception {
    if (forks < 1 || forks > 100 || iterations < 1 || iterations > 1000) {
      throw new ParameterException(
          new CommandLine(this),
          "--forks " + forks + " or --iterations " + iterations + " is out of range, see --help");
    }
    Collection<RunResult> counting = run(CountingBenchmark.class);
    List<Figure> figures = new ArrayList<>();
    figures.add(
        new Figure(
            "count a request", "ns", nanos(counting, "proxy"), nanos(counting, "micrometer")));
    figures.add(
        new Figure(
            "count a request",
            "B",
            allocated(counting, "proxy"),
            allocated(counting, "micrometer")));
    Collection<RunResult> writing = run(ExpositionBenchmark.class);
    for (String kind : List.of("counters", "histograms")) {
      figures.add(
          new Figure(
              "label set of " + kind,
              "B",
              SeriesMemory.measure(FLAGS, "proxy", kind, SETS),
              SeriesMemory.measure(FLAGS, "micrometer", kind, SETS)));
    }
    for (String kind : List.of("counters", "histograms")) {
      figures.add(
          new Figure(
              "write " + SETS + " " + kind,
              "ms",
              nanos(writing, "proxy", kind) / 1e6,
              nanos(writing, "micrometer", kind) / 1e6));
    }
    print(figures, System.out);
    if (json != null) {
      write(figures, json);
    }
    boolean worse =
        figures.stream().anyMatch(figure -> figure.proxy() > figure.micrometer() + NO_BYTES);
    return worse || allocated(counting, "proxy") > NO_BYTES ? 1 : 0;
  }

  private Collection<RunResult> run(Class<?> benchmark) throws RunnerException {
    return new Runner(
            new OptionsBuilder()
                .include("^" + benchmark.getName() + "\\.")
                .forks(forks)
                .warmupIterations(iterations)
                .warmupTime(TimeValue.seconds(1))
                .measurementIterations(iterations)
                .measurementTime(TimeValue.seconds(1))
                .addProfiler(GCProfiler.class)
                .jvmArgs(FLAGS.toArray(String[]::new))
                .shouldFailOnError(true)
                .build())
        .run();
  }

  private static double nanos(Collection<RunResult> results, String method) {
    return of(results, method).getPrimaryResult().getScore();
  }

  private static RunResult of(Collection<RunResult> results, String method) {
    return results.stream()
        .filter(result -> result.getPrimaryResult().getLabel().equals(method))
        .findFirst()
        .orElseThrow(() -> new IllegalStateException("nothing was measured as " + method));
  }

  private static double nanos(Collection<RunResult> results, String registry, String kind) {
    return results.stream()
        .filter(result -> result.getParams().getParam("registry").equals(registry))
        .filter(result -> result.getParams().getParam("kind").equals(kind))
        .findFirst()
        .orElseThrow(() -> new IllegalStateException("nothing was measured of " + registry))
        .getPrimaryResult()
        .getScore();
  }

  private static double allocated(Collection<RunResult> results, String method) {
    Result<?> bytes = of(results, method).getSecondaryResults().get("gc.alloc.rate.norm");
    if (bytes == null) {
      throw new IllegalStateException("the allocations of " + method + " were not measured");
    }
    return bytes.getScore();
  }

  private static void print(List<Figure> figures, PrintStream out) {
    out.printf("%n%-24s %-4s %12s %12s %9s%n", "work", "unit", "proxy", "Micrometer", "ratio");
    for (Figure figure : figures) {
      out.printf(
          "%-24s %-4s %,12.3f %,12.3f %9.2f%n",
          figure.work(),
          figure.unit(),
          figure.proxy(),
          figure.micrometer(),
          figure.micrometer() / figure.proxy());
    }
  }

  private static void write(List<Figure> figures, Path file) throws Exception {
    List<Map<String, Object>> rows = new ArrayList<>();
    for (Figure figure : figures) {
      Map<String, Object> row = new LinkedHashMap<>();
      row.put("work", figure.work());
      row.put("unit", figure.unit());
      row.put("proxy", figure.proxy());
      row.put("micrometer", figure.micrometer());
      rows.add(row);
    }
    ObjectMapper mapper = new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);
    Files.writeString(file, mapper.writeValueAsString(rows) + System.lineSeparator());
  }
}

package io.signetmesh.bench.decision;

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
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;

/** The command {@code bench/run decisions}. */
@Command(
    name = "decisions",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Measures what one authorization decision costs when 10, 100, 1,000 and 10,000 policies affect"
          + " a port, by JMH with its allocation profiler: mixed identities, suffixes, networks,"
          + " denials and routes; a thousand different requests, about half of them allowed."
    },
    footer = {
      "",
      "Exit codes: 0 measured; 1 measured, but a goal is missed: 10,000 policies under twice the cost"
          + " of 10, under 200 ns, nothing allocated; 2 usage; 70 something broke.",
      "",
      "Example:",
      "  bench/run decisions --json decisions.json"
    })
public final class DecisionBench implements Callable<Integer> {
  private static final double MAX_NANOS = 200;
  private static final double MAX_RATIO = 2;

  /** What the profiler itself leaves in an iteration, spread over its operations. */
  private static final double NO_BYTES = 0.01;

  @Option(
      names = "--policies",
      paramLabel = "N",
      split = ",",
      description = "Numbers of policies, each 10 or more. Default: 10,100,1000,10000.")
  private List<Integer> policies = List.of(10, 100, 1_000, 10_000);

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
   * @param policies policies that affect the port
   * @param nanos mean time of a decision
   * @param error half of the 99.9 % confidence interval of it
   * @param bytes bytes allocated for a decision
   */
  private record Figure(String work, int policies, double nanos, double error, double bytes) {}

  @Override
  public Integer call() throws Exception {
    if (policies.stream().anyMatch(number -> number < 10)) {
      throw new ParameterException(
          new CommandLine(this), "--policies " + policies + ": expected 10 or more");
    }
    Collection<RunResult> results =
        new Runner(
                new OptionsBuilder()
                    .include("^" + DecisionBenchmark.class.getName() + "\\.")
                    .param(
                        "policies", policies.stream().map(String::valueOf).toArray(String[]::new))
                    .forks(forks)
                    .warmupIterations(iterations)
                    .warmupTime(TimeValue.seconds(1))
                    .measurementIterations(iterations)
                    .measurementTime(TimeValue.seconds(1))
                    .addProfiler(GCProfiler.class)
                    .jvmArgs(
                        "-XX:+UseSerialGC",
                        "-XX:+UseCompactObjectHeaders",
                        "-Xmx512m",
                        "--enable-native-access=ALL-UNNAMED",
                        "--sun-misc-unsafe-memory-access=allow")
                    .shouldFailOnError(true)
                    .build())
            .run();
    List<Figure> figures = new ArrayList<>();
    for (RunResult result : results) {
      Result<?> time = result.getPrimaryResult();
      Result<?> allocated = result.getSecondaryResults().get("gc.alloc.rate.norm");
      figures.add(
          new Figure(
              result.getPrimaryResult().getLabel(),
              Integer.parseInt(result.getParams().getParam("policies")),
              time.getScore(),
              time.getScoreError(),
              allocated == null ? Double.NaN : allocated.getScore()));
    }
    boolean met = print(figures, System.out);
    if (json != null) {
      write(figures, json);
    }
    return met ? 0 : 1;
  }

  /** Whether every figure meets the goals. */
  private static boolean print(List<Figure> figures, PrintStream out) {
    out.printf(
        "%n%-17s %9s %13s %9s %10s%n", "work", "policies", "ns/decision", "ratio", "B/decision");
    boolean met = true;
    Map<String, Figure> smallest = new LinkedHashMap<>();
    for (Figure figure : figures) {
      Figure first = smallest.computeIfAbsent(figure.work(), work -> figure);
      double ratio = figure.nanos() / first.nanos();
      out.printf(
          "%-17s %,9d %6.1f ± %4.1f %9.2f %10.3f%n",
          figure.work(), figure.policies(), figure.nanos(), figure.error(), ratio, figure.bytes());
      met &= figure.nanos() < MAX_NANOS && ratio < MAX_RATIO && figure.bytes() < NO_BYTES;
    }
    return met;
  }

  private static void write(List<Figure> figures, Path file) throws Exception {
    List<Map<String, Object>> rows = new ArrayList<>();
    for (Figure figure : figures) {
      Map<String, Object> row = new LinkedHashMap<>();
      row.put("work", figure.work());
      row.put("policies", figure.policies());
      row.put("ns_per_decision", figure.nanos());
      row.put("ns_error", figure.error());
      row.put("bytes_per_decision", figure.bytes());
      rows.add(row);
    }
    ObjectMapper mapper = new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);
    Files.writeString(file, mapper.writeValueAsString(rows) + System.lineSeparator());
  }
}

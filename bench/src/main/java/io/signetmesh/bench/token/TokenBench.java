package io.signetmesh.bench.token;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import io.signetmesh.identity.crypto.Signatures;
import java.io.File;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
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

/** The command {@code bench/run tokens}. */
@Command(
    name = "tokens",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Measures what the verification of a JSON Web Token costs that is not known yet, for each"
          + " algorithm, by JMH with its allocation profiler: first with the native provider of"
          + " signatures, then without its library, by the JDK. Then what one of 1,024 tokens costs that"
          + " is known. Tokens have about 800 bytes."
    },
    footer = {
      "",
      "Exit codes: 0 measured; 1 measured, but the JDK was faster somewhere, or a known token took more"
          + " than 1 µs or 64 bytes; 2 usage; 69 there is no native provider; 70 something broke.",
      "",
      "Example:",
      "  bench/run tokens --algorithms ES256,RS256 --json tokens.json"
    })
public final class TokenBench implements Callable<Integer> {
  private static final int MISSING = 69;
  private static final String CLASS_PATH = "java.class.path";
  private static final double MICROS = 1_000_000;

  /** What a look-up may take. */
  private static final double HIT_MICROS = 1;

  private static final double HIT_BYTES = 64;

  @Option(
      names = "--algorithms",
      paramLabel = "NAME",
      split = ",",
      description = "Algorithms, of ES256, ES384, RS256, PS256 and EdDSA. Default: all.")
  private List<String> algorithms = List.of("ES256", "ES384", "RS256", "PS256", "EdDSA");

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
   * @param micros mean time of a verification
   * @param error half of the 99.9 % confidence interval of it
   * @param bytes bytes allocated for a verification
   */
  private record Figure(
      String algorithm, String provider, double micros, double error, double bytes) {}

  /**
   * What a token costs that is known.
   *
   * @param work name of the method of {@link RememberedBenchmark}
   * @param micros mean time
   * @param error half of the 99.9 % confidence interval of it
   * @param bytes bytes allocated
   */
  private record Hit(String work, double micros, double error, double bytes) {}

  @Override
  public Integer call() throws Exception {
    Signatures.loadNative();
    if (Signatures.nativeProvider() == null) {
      System.err.println("tokens: the native provider of signatures does not work here");
      return MISSING;
    }
    List<Figure> figures = new ArrayList<>(run("native"));
    // The processes that measure get the class path of this one.
    String all = System.getProperty(CLASS_PATH);
    System.setProperty(
        CLASS_PATH,
        Arrays.stream(all.split(File.pathSeparator))
            .filter(entry -> !new File(entry).getName().startsWith("AmazonCorretto"))
            .collect(Collectors.joining(File.pathSeparator)));
    try {
      figures.addAll(run("JDK"));
    } finally {
      System.setProperty(CLASS_PATH, all);
    }
    List<Hit> hits = hits();
    boolean met = print(figures, System.out) & printHits(hits, System.out);
    if (json != null) {
      write(figures, hits, json);
    }
    return met ? 0 : 1;
  }

  private ChainedOptionsBuilder options(Class<?> benchmark) {
    return new OptionsBuilder()
        .include("^" + benchmark.getName() + "\\.")
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
        .shouldFailOnError(true);
  }

  private List<Figure> run(String provider) throws RunnerException {
    List<Figure> figures = new ArrayList<>();
    for (RunResult result :
        new Runner(
                options(TokenBenchmark.class)
                    .param("algorithm", algorithms.toArray(String[]::new))
                    .build())
            .run()) {
      Result<?> time = result.getPrimaryResult();
      figures.add(
          new Figure(
              result.getParams().getParam("algorithm"),
              provider,
              time.getScore(),
              time.getScoreError(),
              allocated(result)));
    }
    return figures;
  }

  private List<Hit> hits() throws RunnerException {
    List<Hit> hits = new ArrayList<>();
    for (RunResult result : new Runner(options(RememberedBenchmark.class).build()).run()) {
      Result<?> time = result.getPrimaryResult();
      hits.add(new Hit(time.getLabel(), time.getScore(), time.getScoreError(), allocated(result)));
    }
    return hits;
  }

  private static double allocated(RunResult result) {
    Result<?> allocated = result.getSecondaryResults().get("gc.alloc.rate.norm");
    return allocated == null ? Double.NaN : allocated.getScore();
  }

  /** Whether a look-up takes as little as it may. */
  private static boolean printHits(List<Hit> hits, PrintStream out) {
    out.printf("%n%-19s %16s %8s%n", "known token", "µs", "B");
    boolean met = true;
    for (Hit hit : hits) {
      out.printf("%-19s %8.3f ± %5.3f %8.1f%n", hit.work(), hit.micros(), hit.error(), hit.bytes());
      met &= !hit.work().equals("hit") || (hit.micros() <= HIT_MICROS && hit.bytes() <= HIT_BYTES);
    }
    return met;
  }

  /** Whether the native provider was the faster one each time. */
  private static boolean print(List<Figure> figures, PrintStream out) {
    out.printf(
        "%n%-10s %-8s %16s %10s %8s%n", "algorithm", "provider", "µs/miss", "misses/s", "B/miss");
    boolean met = true;
    Map<String, Figure> natives = new LinkedHashMap<>();
    for (Figure figure : figures) {
      out.printf(
          "%-10s %-8s %8.1f ± %5.1f %,10.0f %,8.0f%n",
          figure.algorithm(),
          figure.provider(),
          figure.micros(),
          figure.error(),
          MICROS / figure.micros(),
          figure.bytes());
      Figure first = natives.putIfAbsent(figure.algorithm(), figure);
      met &= first == null || first.micros() <= figure.micros();
    }
    return met;
  }

  private static void write(List<Figure> figures, List<Hit> hits, Path file) throws Exception {
    List<Map<String, Object>> rows = new ArrayList<>();
    for (Figure figure : figures) {
      Map<String, Object> row = new LinkedHashMap<>();
      row.put("algorithm", figure.algorithm());
      row.put("provider", figure.provider());
      row.put("us_per_miss", figure.micros());
      row.put("us_error", figure.error());
      row.put("bytes_per_miss", figure.bytes());
      rows.add(row);
    }
    for (Hit hit : hits) {
      Map<String, Object> row = new LinkedHashMap<>();
      row.put("known", hit.work());
      row.put("us", hit.micros());
      row.put("us_error", hit.error());
      row.put("bytes", hit.bytes());
      rows.add(row);
    }
    ObjectMapper mapper = new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);
    Files.writeString(file, mapper.writeValueAsString(rows) + System.lineSeparator());
  }
}

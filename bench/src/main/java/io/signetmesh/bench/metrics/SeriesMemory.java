package io.signetmesh.bench.metrics;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.lang.ref.Reference;
import java.util.ArrayList;
import java.util.List;

/**
 * Live heap of a label set, measured in a process of its own. The values of the two labels that
 * differ are strings of the label set and count.
 */
final class SeriesMemory {
  private static final int COLLECTIONS = 3;

  private SeriesMemory() {}

  /**
   * Bytes of the heap that a label set takes.
   *
   * @param flags flags of the JVM
   * @param registry {@code proxy}, {@code micrometer}
   * @param kind {@code counters}, {@code histograms}
   */
  static double measure(List<String> flags, String registry, String kind, int sets)
      throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(List.of(System.getProperty("java.home") + "/bin/java"));
    command.addAll(flags);
    command.addAll(
        List.of(
            "-cp",
            System.getProperty("java.class.path"),
            SeriesMemory.class.getName(),
            registry,
            kind,
            Integer.toString(sets)));
    Process process =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    String output = new String(process.getInputStream().readAllBytes(), UTF_8).strip();
    int code = process.waitFor();
    if (code != 0) {
      throw new IOException(
          "memory of " + kind + " of " + registry + ": the process ended with " + code);
    }
    return Double.parseDouble(output.lines().toList().getLast());
  }

  /** Prints the bytes of a label set. */
  public static void main(String[] args) {
    int sets = Integer.parseInt(args[2]);
    fill(Subject.named(args[0]), args[1], 1);
    // The classes are loaded.
    long before = used();
    Subject subject = Subject.named(args[0]);
    fill(subject, args[1], sets);
    long after = used();
    Reference.reachabilityFence(subject);
    System.out.println((double) (after - before) / sets);
  }

  private static void fill(Subject subject, String kind, int sets) {
    switch (kind) {
      case "counters" -> subject.counters(sets);
      case "histograms" -> subject.histograms(sets);
      default ->
          throw new IllegalArgumentException("kind " + kind + ": expected counters or histograms");
    }
  }

  private static long used() {
    for (int i = 0; i < COLLECTIONS; i++) {
      System.gc();
    }
    return Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory();
  }
}

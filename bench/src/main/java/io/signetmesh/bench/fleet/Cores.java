package io.signetmesh.bench.fleet;

import io.signetmesh.bench.Child;
import io.signetmesh.bench.Tool;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** Keeps what is measured on one core, and what loads it off that core, where there are two. */
public final class Cores {
  private static final boolean SEPARATE =
      Runtime.getRuntime().availableProcessors() > 1
          && new Tool("taskset", "util-linux").installed();
  private static final String OTHERS =
      "1-" + Math.max(1, Runtime.getRuntime().availableProcessors() - 1);

  private Cores() {}

  /** Who runs where, in words. */
  public static String description() {
    return SEPARATE
        ? "the server has core 0 for itself, the load has " + OTHERS
        : "all share one core";
  }

  /** The command, to be run on core 0. */
  static List<String> measured(List<String> command) {
    return SEPARATE ? on("0", command) : command;
  }

  /** Keeps this process, which loads, off core 0. */
  public static void moveAway(Path log) throws IOException, InterruptedException {
    if (SEPARATE) {
      Child.output(
          "taskset",
          List.of(
              "taskset", "-a", "-p", "-c", OTHERS, Long.toString(ProcessHandle.current().pid())),
          Duration.ofSeconds(10),
          log);
    }
  }

  private static List<String> on(String cores, List<String> command) {
    List<String> line = new ArrayList<>(List.of("taskset", "-c", cores));
    line.addAll(command);
    return line;
  }
}

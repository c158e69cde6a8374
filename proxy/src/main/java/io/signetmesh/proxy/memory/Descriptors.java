package io.signetmesh.proxy.memory;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Descriptors of this process. */
final class Descriptors {
  /** For listeners, files, channels to the control plane, and what the JVM opens. */
  private static final int OTHERS = 256;

  /** Where there is no limit. */
  private static final int UNLIMITED = 1_000_000;

  private Descriptors() {}

  /** Descriptors that connections may take: seven eighths of the limit, less some for others. */
  static int forConnections() {
    int limit = UNLIMITED;
    try {
      for (String line : Files.readAllLines(Path.of("/proc/self/limits"))) {
        if (line.startsWith("Max open files")) {
          limit = parse(line.substring("Max open files".length()).strip().split("\\s+", 2)[0]);
        }
      }
    } catch (IOException e) {
      // Another system: its limit shows when it is reached.
    }
    return Math.max(64, limit - limit / 8 - OTHERS);
  }

  private static int parse(String soft) {
    try {
      return (int) Math.min(UNLIMITED, Long.parseLong(soft));
    } catch (NumberFormatException e) {
      return UNLIMITED;
    }
  }
}

package io.signetmesh.e2e.harness;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/** What the kernel says about a process. */
public final class ProcessFigures {
  private static final long TICKS_PER_SECOND = 100;

  private ProcessFigures() {}

  /** Resident memory, bytes. */
  public static long residentBytes(long pid) throws IOException {
    for (String line : Files.readAllLines(Path.of("/proc/" + pid + "/status"))) {
      if (line.startsWith("VmRSS:")) {
        return Long.parseLong(line.replaceAll("\\D", "")) * 1024;
      }
    }
    throw new IOException("process " + pid + " has no VmRSS");
  }

  /** CPU time used so far, user and system. */
  public static Duration cpuTime(long pid) throws IOException {
    String stat = Files.readString(Path.of("/proc/" + pid + "/stat"));
    // The name in parentheses may hold spaces; fields 14 and 15 are counted from its end.
    List<String> fields = List.of(stat.substring(stat.lastIndexOf(')') + 2).split(" "));
    long ticks = Long.parseLong(fields.get(11)) + Long.parseLong(fields.get(12));
    return Duration.ofMillis(ticks * 1000 / TICKS_PER_SECOND);
  }

  /** Open file descriptors. */
  public static long openFiles(long pid) throws IOException {
    try (var files = Files.list(Path.of("/proc/" + pid + "/fd"))) {
      return files.count();
    }
  }
}

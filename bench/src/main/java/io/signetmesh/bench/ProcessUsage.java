package io.signetmesh.bench;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** What processes use, from proc(5). */
public final class ProcessUsage {
  /** The kernel counts CPU time in ticks of this length; USER_HZ is 100 on Linux. */
  private static final long MICROS_PER_TICK = 10_000;

  private final Path proc;

  public ProcessUsage(Path proc) {
    this.proc = proc;
  }

  /** CPU time of all processes together, user and system, in microseconds. */
  public long cpuMicros(List<Long> pids) throws IOException {
    long ticks = 0;
    for (long pid : pids) {
      String stat = Files.readString(file(pid, "stat"), StandardCharsets.UTF_8);
      // The name in parentheses may hold spaces; the fields after it are numbered from 3.
      String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1);
      ticks += Long.parseLong(fields[14 - 3]) + Long.parseLong(fields[15 - 3]);
    }
    return ticks * MICROS_PER_TICK;
  }

  /** Mean resident memory in MB (2^20 bytes). */
  public double rssMegabytes(List<Long> pids) throws IOException {
    return mean(pids, "status", "VmRSS:");
  }

  /** The most resident memory that a process has had so far, in MB. */
  public double peakRssMegabytes(long pid) throws IOException {
    return kilobytes(pid, "status", "VmHWM:") / 1024.0;
  }

  /** Mean proportional memory in MB; 0 where the kernel does not tell. */
  public double pssMegabytes(List<Long> pids) throws IOException {
    return Files.isReadable(file(pids.getFirst(), "smaps_rollup"))
        ? mean(pids, "smaps_rollup", "Pss:")
        : 0;
  }

  private double mean(List<Long> pids, String name, String key) throws IOException {
    double sum = 0;
    for (long pid : pids) {
      sum += kilobytes(pid, name, key) / 1024.0;
    }
    return sum / pids.size();
  }

  private long kilobytes(long pid, String name, String key) throws IOException {
    for (String line : Files.readAllLines(file(pid, name), StandardCharsets.UTF_8)) {
      if (line.startsWith(key)) {
        return Long.parseLong(line.substring(key.length()).replace("kB", "").trim());
      }
    }
    throw new IOException(file(pid, name) + " has no " + key);
  }

  private Path file(long pid, String name) {
    return proc.resolve(Long.toString(pid)).resolve(name);
  }
}

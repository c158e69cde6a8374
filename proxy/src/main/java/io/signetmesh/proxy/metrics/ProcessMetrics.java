package io.signetmesh.proxy.metrics;

import io.signetmesh.proxy.metrics.registry.MetricType;
import io.signetmesh.proxy.metrics.registry.MetricsRegistry;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The process as the kernel sees it: {@code process_*}, from proc(5). Absent values are 0. */
final class ProcessMetrics {
  private static final Pattern STATUS = Pattern.compile("^(\\w+):\\s+(\\d+)");

  private final Path proc;

  ProcessMetrics(Path proc) {
    this.proc = proc;
  }

  static void register(MetricsRegistry registry) {
    ProcessMetrics self = new ProcessMetrics(Path.of("/proc/self"));
    double start =
        ProcessHandle.current().info().startInstant().map(i -> i.toEpochMilli()).orElse(0L) / 1e3;
    registry.value(
        "process_start_time_seconds",
        "Start of the process, in Unix seconds.",
        MetricType.GAUGE,
        () -> start);
    registry.value(
        "process_clock_time_seconds",
        "Time now, in Unix seconds.",
        MetricType.GAUGE,
        () -> System.currentTimeMillis() / 1e3);
    registry.value(
        "process_uptime_seconds_total",
        "Time since the start of the process.",
        MetricType.COUNTER,
        () -> System.currentTimeMillis() / 1e3 - start);
    registry.value(
        "process_cpu_seconds_total",
        "CPU time, user and system.",
        MetricType.COUNTER,
        self::cpuSeconds);
    registry.value(
        "process_virtual_memory_bytes",
        "Size of the address space.",
        MetricType.GAUGE,
        () -> 1024 * self.status("VmSize"));
    registry.value(
        "process_resident_memory_bytes",
        "Resident memory.",
        MetricType.GAUGE,
        () -> 1024 * self.status("VmRSS"));
    registry.value("process_threads", "Threads.", MetricType.GAUGE, () -> self.status("Threads"));
    registry.value("process_open_fds", "Open file descriptors.", MetricType.GAUGE, self::openFiles);
    registry.value(
        "process_max_fds", "Limit of open file descriptors.", MetricType.GAUGE, self::maxFiles);
    registry.value(
        "process_network_receive_bytes_total",
        "Bytes received by the network namespace, loopback left out.",
        MetricType.COUNTER,
        () -> self.network(0));
    registry.value(
        "process_network_transmit_bytes_total",
        "Bytes sent by the network namespace, loopback left out.",
        MetricType.COUNTER,
        () -> self.network(8));
  }

  double cpuSeconds() {
    return ProcessHandle.current()
        .info()
        .totalCpuDuration()
        .map(d -> d.toNanos() / 1e9)
        .orElse(0.0);
  }

  double status(String key) {
    for (String line : lines("status")) {
      Matcher matcher = STATUS.matcher(line);
      if (matcher.find() && matcher.group(1).equals(key)) {
        return Double.parseDouble(matcher.group(2));
      }
    }
    return 0;
  }

  double openFiles() {
    int count = 0;
    try (DirectoryStream<Path> files = Files.newDirectoryStream(proc.resolve("fd"))) {
      for (Path ignored : files) {
        count++;
      }
    } catch (IOException e) {
      return 0;
    }
    return count;
  }

  double maxFiles() {
    for (String line : lines("limits")) {
      if (line.startsWith("Max open files")) {
        String[] words = line.substring("Max open files".length()).trim().split("\\s+", -1);
        return words[0].equals("unlimited")
            ? Double.POSITIVE_INFINITY
            : Double.parseDouble(words[0]);
      }
    }
    return 0;
  }

  /** Sum of one column of net/dev over all interfaces but loopback. */
  double network(int column) {
    double sum = 0;
    for (String line : lines("net/dev")) {
      int colon = line.indexOf(':');
      if (colon < 0 || line.substring(0, colon).trim().equals("lo")) {
        continue;
      }
      String[] columns = line.substring(colon + 1).trim().split("\\s+", -1);
      if (columns.length > column) {
        sum += Double.parseDouble(columns[column]);
      }
    }
    return sum;
  }

  private List<String> lines(String file) {
    try {
      return Files.readAllLines(proc.resolve(file), StandardCharsets.US_ASCII);
    } catch (IOException e) {
      return List.of();
    }
  }
}

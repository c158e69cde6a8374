package io.signetmesh.bench;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Runs h2load, which sends HTTP/2 requests by prior knowledge, several at a time. */
final class H2load {
  private static final Pattern FINISHED = Pattern.compile("finished in ([0-9.]+)(us|ms|s|m)");
  private static final Pattern REQUESTS =
      Pattern.compile(
          "requests: \\d+ total, \\d+ started, (\\d+) done, (\\d+) succeeded, (\\d+) failed,"
              + " (\\d+) errored, (\\d+) timeout");
  private static final Pattern STATUS =
      Pattern.compile("status codes: \\d+ 2xx, (\\d+) 3xx, (\\d+) 4xx, (\\d+) 5xx");

  private H2load() {}

  static Load run(Endpoint entry, int clients, int streams, Duration length, Path log)
      throws IOException, InterruptedException {
    Path requests = Files.createTempFile(log.toAbsolutePath().getParent(), "h2load", ".log");
    try {
      String report =
          Child.output(
              "h2load",
              List.of(
                  "h2load",
                  "-t1",
                  "-c" + clients,
                  "-m" + streams,
                  "-D",
                  Long.toString(length.toSeconds()),
                  "--log-file=" + requests,
                  "--connect-to=" + entry.host() + ":" + entry.port(),
                  "http://" + entry.authority() + "/"),
              length.plusSeconds(30),
              log);
      return parse(report, latencies(requests), length);
    } finally {
      Files.deleteIfExists(requests);
    }
  }

  /** Reads h2load's report; {@code sortedMicros} are the latencies of the requests. */
  static Load parse(String report, long[] sortedMicros, Duration length) throws IOException {
    Matcher requests = REQUESTS.matcher(report);
    Matcher status = STATUS.matcher(report);
    if (!FINISHED.matcher(report).find() || !requests.find() || !status.find()) {
      throw new IOException("h2load gave no totals: " + report.strip());
    }
    long succeeded = Long.parseLong(requests.group(2));
    long refused = 0;
    for (int i = 1; i <= 3; i++) {
      refused += Long.parseLong(status.group(i));
    }
    // "failed" counts what was errored or timed out as well.
    return new Load(
        Math.max(0, succeeded - refused),
        refused + Long.parseLong(requests.group(3)),
        // A timed run of h2load is this long whatever "finished in" says of its start and end.
        length.toNanos() / 1e9,
        percentile(sortedMicros, 0.50),
        percentile(sortedMicros, 0.99));
  }

  /** The third column of h2load's log: microseconds of each request, sorted. */
  static long[] latencies(Path file) throws IOException {
    long[] values = new long[1 << 16];
    int count = 0;
    try (BufferedReader lines = Files.newBufferedReader(file, StandardCharsets.US_ASCII)) {
      String line;
      while ((line = lines.readLine()) != null) {
        int tab = line.lastIndexOf('\t');
        if (tab < 0) {
          continue;
        }
        if (count == values.length) {
          values = Arrays.copyOf(values, 2 * count);
        }
        values[count++] = Long.parseLong(line, tab + 1, line.length(), 10);
      }
    }
    long[] sorted = Arrays.copyOf(values, count);
    Arrays.sort(sorted);
    return sorted;
  }

  private static double percentile(long[] sorted, double part) {
    return sorted.length == 0
        ? 0
        : sorted[(int) Math.min(sorted.length - 1L, (long) (sorted.length * part))];
  }
}

package io.signetmesh.bench;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Runs h2load, which sends requests of HTTP/2 by prior knowledge, several at a time, or of
 * HTTP/1.1, one at a time on each connection. The latencies are those of the single requests.
 * (wrk's are not: it adds a request for each millisecond or so that a slow one took, so that the
 * first request of a connection, which waits for its handshakes, becomes a hundred slow ones.)
 */
public final class H2load {
  private static final int OPENING_SECONDS = 2;
  private static final Pattern FINISHED = Pattern.compile("finished in ([0-9.]+)(us|ms|s|m)");
  private static final Pattern REQUESTS =
      Pattern.compile(
          "requests: \\d+ total, \\d+ started, (\\d+) done, \\d+ succeeded, \\d+ failed,"
              + " (\\d+) errored, (\\d+) timeout");
  private static final Pattern DATA = Pattern.compile("\\((\\d+)\\) data");
  private static final Pattern STATUS =
      Pattern.compile("status codes: \\d+ 2xx, (\\d+) 3xx, (\\d+) 4xx, (\\d+) 5xx");

  private H2load() {}

  /** A load that sends the next request when an answer has come. */
  static Load run(Endpoint entry, int clients, int streams, Duration length, Path log)
      throws IOException, InterruptedException {
    return run(entry, "/", length, log, List.of("-c" + clients, "-m" + streams));
  }

  /** As {@link #run}, over HTTP/1.1. */
  static Load http1(Endpoint entry, int connections, Duration length, Path log)
      throws IOException, InterruptedException {
    return run(entry, "/", length, log, List.of("--h1", "-c" + connections, "-m1"));
  }

  /**
   * A load that sends so many requests a second, whether answers come or not. It is measured when
   * the connections are open, which takes {@value #OPENING_SECONDS} s more.
   *
   * @param protocol of the requests
   * @param perSecond requests a second of all connections together; a multiple of the connections
   */
  public static Load atRate(
      Endpoint entry, Protocol protocol, int connections, int perSecond, Duration length, Path log)
      throws IOException, InterruptedException {
    List<String> options = new ArrayList<>();
    if (protocol != Protocol.HTTP2) {
      options.add("--h1");
    }
    options.add("-c" + connections);
    options.add(protocol == Protocol.HTTP2 ? "-m100" : "-m1");
    options.add("--rps=" + perSecond / (double) connections);
    options.add("--warm-up-time=" + OPENING_SECONDS);
    return run(entry, "/", length, log, options);
  }

  /** A load that fetches one path, one after the other on each connection. */
  public static Load fetch(
      Endpoint entry, Protocol protocol, String path, int connections, Duration length, Path log)
      throws IOException, InterruptedException {
    List<String> options = new ArrayList<>();
    if (protocol != Protocol.HTTP2) {
      options.add("--h1");
    }
    options.addAll(List.of("-c" + connections, "-m1", "-w24", "-W24"));
    return run(entry, path, length, log, options);
  }

  private static Load run(
      Endpoint entry, String path, Duration length, Path log, List<String> options)
      throws IOException, InterruptedException {
    Path requests = Files.createTempFile(log.toAbsolutePath().getParent(), "h2load", ".log");
    try {
      List<String> command = new ArrayList<>(List.of("h2load", "-t1"));
      command.addAll(options);
      command.addAll(
          List.of(
              "-D",
              Long.toString(length.toSeconds()),
              "--log-file=" + requests,
              "--connect-to=" + entry.host() + ":" + entry.port(),
              "http://" + entry.authority() + path));
      String report =
          Child.output("h2load", command, length.plusSeconds(30 + OPENING_SECONDS), log);
      return parse(report, latencies(requests), length);
    } finally {
      Files.deleteIfExists(requests);
    }
  }

  /** Reads h2load's report; {@code sortedMicros} are the latencies of the requests. */
  static Load parse(String report, long[] sortedMicros, Duration length) throws IOException {
    Matcher requests = REQUESTS.matcher(report);
    Matcher status = STATUS.matcher(report);
    Matcher data = DATA.matcher(report);
    if (!FINISHED.matcher(report).find() || !requests.find() || !status.find()) {
      throw new IOException("h2load gave no totals: " + report.strip());
    }
    // "failed" is of no use: it counts answers over HTTP/1.1 whose status has no reason phrase,
    // such
    // as those that HAProxy makes of HTTP/2.
    long refused = 0;
    for (int i = 1; i <= 3; i++) {
      refused += Long.parseLong(status.group(i));
    }
    long broken = Long.parseLong(requests.group(2)) + Long.parseLong(requests.group(3));
    return new Load(
        Math.max(0, Long.parseLong(requests.group(1)) - refused - broken),
        refused + broken,
        // A timed run of h2load is this long whatever "finished in" says of its start and end.
        length.toNanos() / 1e9,
        percentile(sortedMicros, 0.50),
        percentile(sortedMicros, 0.99),
        percentile(sortedMicros, 0.999),
        data.find() ? Long.parseLong(data.group(1)) : 0);
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

package io.signetmesh.bench;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Runs wrk, which sends HTTP/1.1 requests, one at a time on each connection. */
final class Wrk {
  private static final Pattern TOTAL = Pattern.compile("(\\d+) requests in ([0-9.]+)(us|ms|s|m|h)");
  private static final Pattern PERCENTILE =
      Pattern.compile("^\\s+(50|99)%\\s+([0-9.]+)(us|ms|s|m)", Pattern.MULTILINE);
  private static final Pattern NOT_2XX = Pattern.compile("Non-2xx or 3xx responses: (\\d+)");
  private static final Pattern SOCKET_ERRORS =
      Pattern.compile("Socket errors: connect (\\d+), read (\\d+), write (\\d+), timeout (\\d+)");

  private Wrk() {}

  /**
   * @param tokens sent by turns, one with each request; null: none is sent
   */
  static Load run(
      Endpoint entry, int connections, Duration length, @Nullable LoadTokens tokens, Path log)
      throws IOException, InterruptedException {
    List<String> command =
        new ArrayList<>(
            List.of(
                "wrk",
                "--latency",
                "-t",
                "1",
                "-c",
                Integer.toString(connections),
                "-d",
                length.toSeconds() + "s",
                "--timeout",
                "10s",
                "-H",
                "Host: " + entry.authority()));
    if (tokens != null) {
      command.addAll(List.of("-s", tokens.script(log.resolveSibling("tokens.lua")).toString()));
    }
    command.add("http://" + entry.host() + ":" + entry.port() + "/");
    return parse(Child.output("wrk", command, length.plusSeconds(30), log));
  }

  /**
   * Reads wrk's report.
   *
   * @throws IOException when it is not one
   */
  static Load parse(String report) throws IOException {
    Matcher total = TOTAL.matcher(report);
    if (!total.find()) {
      throw new IOException(
          "wrk gave no total: expected 'N requests in T', got: " + report.strip());
    }
    double p50 = 0;
    double p99 = 0;
    Matcher percentile = PERCENTILE.matcher(report);
    while (percentile.find()) {
      double micros = micros(percentile.group(2), percentile.group(3));
      if (percentile.group(1).equals("50")) {
        p50 = micros;
      } else {
        p99 = micros;
      }
    }
    long errors = 0;
    Matcher refused = NOT_2XX.matcher(report);
    if (refused.find()) {
      errors += Long.parseLong(refused.group(1));
    }
    Matcher broken = SOCKET_ERRORS.matcher(report);
    if (broken.find()) {
      for (int i = 1; i <= 4; i++) {
        errors += Long.parseLong(broken.group(i));
      }
    }
    return new Load(
        Long.parseLong(total.group(1)),
        errors,
        micros(total.group(2), total.group(3)) / 1e6,
        p50,
        p99);
  }

  private static double micros(String number, String unit) {
    double value = Double.parseDouble(number);
    return switch (unit) {
      case "us" -> value;
      case "ms" -> value * 1e3;
      case "s" -> value * 1e6;
      case "m" -> value * 60e6;
      default -> value * 3600e6;
    };
  }
}

package io.signetmesh.bench;

import java.io.PrintStream;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The result as a table, with a line of ratios where two systems did the same work. */
final class Report {
  private static final String LINE = "%-13s %-9s %11s %9s %9s %9s %8s %8s %8s %8s %7s%n";

  private Report() {}

  static String brief(Row row) {
    StringBuilder text = new StringBuilder(row.work()).append(' ').append(row.system());
    append(text, "requests/s", row.requestsPerSecond(), 0);
    append(text, "p50 µs", row.p50Micros(), 0);
    append(text, "p99 µs", row.p99Micros(), 0);
    append(text, "CPU µs", row.cpuMicrosPerRequest(), 1);
    append(text, "RSS MB", row.rssMegabytes(), 1);
    append(text, "ms", row.startupMillis(), 0);
    append(text, "CPU ms", row.startupCpuMillis(), 0);
    Long errors = row.errors();
    if (errors != null && errors > 0) {
      text.append(", ").append(errors).append(" errors");
    }
    return text.toString();
  }

  private static void append(
      StringBuilder text, String unit, @Nullable Double value, int decimals) {
    if (value != null) {
      text.append(", ").append(number(value, decimals)).append(' ').append(unit);
    }
  }

  static void print(List<Row> rows, PrintStream out) {
    out.printf(
        LINE,
        "work",
        "system",
        "requests/s",
        "p50 µs",
        "p99 µs",
        "CPU µs",
        "RSS MB",
        "PSS MB",
        "start ms",
        "CPU ms",
        "errors");
    Map<String, List<Row>> byWork = new LinkedHashMap<>();
    for (Row row : rows) {
      byWork.computeIfAbsent(row.work(), work -> new ArrayList<>()).add(row);
    }
    byWork.forEach(
        (work, ofWork) -> {
          for (Row row : ofWork) {
            out.printf(
                LINE,
                work,
                row.system(),
                number(row.requestsPerSecond(), 0),
                number(row.p50Micros(), 0),
                number(row.p99Micros(), 0),
                number(row.cpuMicrosPerRequest(), 1),
                number(row.rssMegabytes(), 1),
                number(row.pssMegabytes(), 1),
                number(row.startupMillis(), 0),
                number(row.startupCpuMillis(), 0),
                row.errors() == null ? "" : row.errors());
          }
          ratios(work, ofWork, out);
        });
    out.println();
    out.println(
        "CPU µs: time of the proxies for one request, both together (handshakes: of the server proxy)."
            + " CPU ms: the same up to the first answer.");
    out.println(
        "Ratios: the first system in parts of the second; above 1 the first has more requests, a shorter"
            + " time, less CPU or less memory.");
  }

  private static void ratios(String work, List<Row> rows, PrintStream out) {
    if (rows.size() != 2) {
      return;
    }
    Row a = rows.get(0);
    Row b = rows.get(1);
    out.printf(
        LINE,
        work,
        "ratio",
        ratio(a.requestsPerSecond(), b.requestsPerSecond()),
        ratio(b.p50Micros(), a.p50Micros()),
        ratio(b.p99Micros(), a.p99Micros()),
        ratio(b.cpuMicrosPerRequest(), a.cpuMicrosPerRequest()),
        ratio(b.rssMegabytes(), a.rssMegabytes()),
        ratio(b.pssMegabytes(), a.pssMegabytes()),
        ratio(b.startupMillis(), a.startupMillis()),
        ratio(b.startupCpuMillis(), a.startupCpuMillis()),
        "");
  }

  private static String ratio(@Nullable Double top, @Nullable Double bottom) {
    return top == null || bottom == null || bottom == 0 ? "" : number(top / bottom, 2);
  }

  private static String number(@Nullable Double value, int decimals) {
    return value == null ? "" : String.format(Locale.ROOT, "%,." + decimals + "f", value);
  }
}

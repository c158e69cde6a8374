package io.signetmesh.cli.audit;

import com.fasterxml.jackson.core.io.JsonStringEncoder;
import io.signetmesh.collector.query.AuditEntry;
import io.signetmesh.collector.query.AuditEntry.Administrative;
import io.signetmesh.collector.query.AuditEntry.Decision;
import io.signetmesh.collector.query.AuditEntry.Gap;
import io.signetmesh.collector.query.AuditEntry.Missing;
import io.signetmesh.collector.query.AuditEntry.Other;
import io.signetmesh.collector.query.AuditEntry.Trial;
import io.signetmesh.crds.text.PlainText;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Prints entries as they are found, without holding them. */
final class EntryPrinter {
  /** Forms of the output. */
  enum Format {
    /** Columns for people. */
    TABLE,
    /** One array. */
    JSON,
    /** A line each. */
    JSONL
  }

  private static final List<String> HEADINGS =
      List.of("ENTRY", "TIME", "VERDICT", "CLIENT", "WORKLOAD", "WHAT", "WHY");
  private static final int[] WIDTHS = {8, 24, 7, 36, 16, 28, 0};

  private final PrintWriter out;
  private final Format format;
  private final String origin;
  private final int[] widths = WIDTHS.clone();
  private long printed;

  EntryPrinter(PrintWriter out, Format format, String origin) {
    this.out = out;
    this.format = format;
    this.origin = origin;
  }

  /** Number of entries that were printed. */
  long printed() {
    return printed;
  }

  /** Prints an entry. */
  void print(AuditEntry entry) {
    switch (format) {
      case TABLE -> {
        if (printed == 0) {
          row(HEADINGS);
        }
        row(cells(entry));
      }
      case JSON -> out.print((printed == 0 ? "[\n" : ",\n") + json(entry));
      case JSONL -> out.println(json(entry));
    }
    printed++;
  }

  /** Ends the output. */
  void end() {
    if (format == Format.JSON) {
      out.println(printed == 0 ? "[]" : "\n]");
    }
    out.flush();
  }

  /**
   * What acts on a terminal becomes an escape of JSON, which is the same to whoever reads JSON. An
   * entry is one object of JSON: it was parsed.
   */
  private String json(AuditEntry entry) {
    String bytes = new String(entry.bytes(), StandardCharsets.UTF_8);
    return PlainText.of(
        "{\"id\":\""
            + new String(
                JsonStringEncoder.getInstance().quoteAsString(origin + "#" + entry.index()))
            + "\",\"entry\":"
            + bytes.replace('\n', ' ').replace('\r', ' ').replace('\t', ' ')
            + "}");
  }

  private void row(List<String> cells) {
    StringBuilder line = new StringBuilder();
    for (int i = 0; i < cells.size(); i++) {
      String cell = PlainText.of(cells.get(i));
      // Columns become wider with what comes, since what comes is not known.
      widths[i] = i == cells.size() - 1 ? 0 : Math.max(widths[i], Math.min(cell.length(), 80));
      line.append(cell);
      if (i < cells.size() - 1) {
        line.repeat(' ', Math.max(0, widths[i] - cell.length()) + 2);
      }
    }
    out.println(line.toString().stripTrailing());
  }

  private static List<String> cells(AuditEntry entry) {
    String index = Long.toString(entry.index());
    String time = entry.timeOrReceived().toString();
    String mark = entry.foreign() ? "foreign, by " + entry.writer() + ": " : "";
    return switch (entry.event()) {
      case Decision decision ->
          List.of(
              index,
              time,
              text(decision.verdict()),
              client(decision),
              text(decision.workload()),
              what(decision),
              mark + why(decision));
      case Administrative act ->
          List.of(
              index,
              time,
              "-",
              text(act.actor()),
              "-",
              text(act.act()) + " " + text(act.subject()),
              mark + (act.attributes().isEmpty() ? "-" : act.attributes().toString()));
      case Gap gap ->
          List.of(index, time, "-", "-", text(gap.workload()), "gap", mark + lost(gap.lost()));
      case Missing(long from, long to, boolean unsure) ->
          List.of(
              index,
              time,
              "-",
              "-",
              entry.writer(),
              "missing",
              "records "
                  + from
                  + " to "
                  + to
                  + " of journal "
                  + entry.journal()
                  + (unsure ? ", unless the log has them" : ""));
      case Other(String kind) ->
          List.of(index, time, "-", "-", entry.writer(), kind.isEmpty() ? "other" : kind, "-");
    };
  }

  private static String lost(long lost) {
    return CheckText.number(lost, "record was lost", "records were lost");
  }

  private static String client(Decision decision) {
    return decision.clientIdentity() == null
        ? text(decision.clientAddress())
        : decision.clientIdentity();
  }

  private static String what(Decision decision) {
    String method = decision.method();
    String path = decision.path();
    return method == null && path == null
        ? text(decision.protocol()) + " " + text(decision.targetAddress())
        : text(method) + " " + text(path);
  }

  private static String why(Decision decision) {
    StringBuilder why = new StringBuilder(text(decision.reason()));
    if (decision.authorization() != null) {
      why.append(' ').append(decision.authorization());
    }
    if (decision.detail() != null) {
      why.append(": ").append(decision.detail());
    }
    Trial trial = decision.trial();
    if (trial != null) {
      why.append("; would be ").append(text(trial.verdict())).append(' ');
      why.append(text(trial.reason()));
    }
    if (decision.count() > 1) {
      why.append("; ").append(decision.count()).append(" times");
    }
    return why.toString();
  }

  private static String text(@Nullable String value) {
    return value == null || value.isEmpty() ? "-" : value;
  }
}

package io.signetmesh.collector.report;

import io.signetmesh.collector.export.SafeText;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Base64;
import java.util.List;
import java.util.Locale;

/**
 * A report as one page that opens from a file: nothing is loaded from elsewhere, and nothing runs.
 * The page's own policy forbids both, whatever a client may have put into a name.
 */
public final class HtmlPage {
  private static final int BARS = 20;
  private static final int BAR_HEIGHT = 22;
  private static final int LABEL_WIDTH = 420;
  private static final int BAR_WIDTH = 400;

  private static final String STYLE =
      "body{font:14px/1.5 system-ui,sans-serif;margin:2em;color:#1b1f24;background:#fff}"
          + "h1{font-size:1.5em;margin:0 0 .2em}p{margin:.2em 0}"
          + "table{border-collapse:collapse;margin-top:1em}"
          + "th,td{text-align:left;padding:.3em .8em;border-bottom:1px solid #d0d7de;"
          + "vertical-align:top;overflow-wrap:anywhere}"
          + "th{background:#f3f5f7;position:sticky;top:0}td.n{text-align:right}"
          + "svg{margin-top:1em;max-width:100%}text{font:12px system-ui,sans-serif;fill:#1b1f24}"
          + "rect{fill:#3d6fb4}ul{margin:.5em 0;padding-left:1.2em;color:#57606a}"
          + "@media(prefers-color-scheme:dark){body{background:#14171a;color:#e6e8ea}"
          + "th{background:#22272c}th,td{border-color:#3a4149}text{fill:#e6e8ea}"
          + "ul{color:#a0a8b0}}";

  private HtmlPage() {}

  /** Makes the page. */
  public static String of(Report report) {
    StringBuilder page = new StringBuilder(4096);
    page.append("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    page.append("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; ");
    page.append("style-src 'sha256-").append(sha256(STYLE)).append("'; base-uri 'none'; ");
    page.append("form-action 'none'\">\n");
    page.append("<meta name=\"viewport\" content=\"width=device-width\">\n");
    page.append("<title>").append(escape(report.title())).append("</title>\n<style>");
    page.append(STYLE).append("</style>\n</head>\n<body>\n");
    page.append("<h1>").append(escape(report.title())).append("</h1>\n");
    page.append("<p>").append(escape(scope(report))).append("</p>\n");
    if (!report.notes().isEmpty()) {
      page.append("<ul>\n");
      report.notes().forEach(note -> page.append("<li>").append(escape(note)).append("</li>\n"));
      page.append("</ul>\n");
    }
    chart(page, report);
    table(page, report);
    return page.append("</body>\n</html>\n").toString();
  }

  /** Which records a report is about, in words. */
  public static String scope(Report report) {
    Report.Scope scope = report.scope();
    return "Log "
        + report.origin()
        + ", "
        + String.format(Locale.ROOT, "%,d", scope.decisions())
        + (scope.decisions() == 1 ? " decision" : " decisions")
        + (scope.since() == null ? "" : " since " + scope.since())
        + (scope.until() == null ? "" : " until " + scope.until());
  }

  private static void table(StringBuilder page, Report report) {
    page.append("<table>\n<thead><tr>");
    for (Report.Column column : report.columns()) {
      page.append("<th>").append(escape(column.heading())).append("</th>");
    }
    page.append("</tr></thead>\n<tbody>\n");
    for (List<Object> row : report.rows()) {
      page.append("<tr>");
      for (Object cell : row) {
        page.append(cell instanceof Long ? "<td class=\"n\">" : "<td>");
        page.append(escape(cell.toString())).append("</td>");
      }
      page.append("</tr>\n");
    }
    page.append("</tbody>\n</table>\n");
    if (report.rows().isEmpty()) {
      page.append("<p>None.</p>\n");
    }
  }

  /** Bars of the rows with the highest counts, which come first. */
  private static void chart(StringBuilder page, Report report) {
    int count = -1;
    for (int i = 0; i < report.columns().size(); i++) {
      count = report.columns().get(i).name().equals("count") ? i : count;
    }
    if (count < 0 || report.rows().isEmpty()) {
      return;
    }
    List<List<Object>> rows = report.rows().subList(0, Math.min(BARS, report.rows().size()));
    long highest = 1;
    for (List<Object> row : rows) {
      highest = Math.max(highest, (Long) row.get(count));
    }
    page.append("<svg role=\"img\" aria-label=\"Counts\" width=\"");
    page.append(LABEL_WIDTH + BAR_WIDTH + 120).append("\" height=\"");
    page.append(rows.size() * BAR_HEIGHT).append("\">\n");
    for (int i = 0; i < rows.size(); i++) {
      List<Object> row = rows.get(i);
      long value = (Long) row.get(count);
      int y = i * BAR_HEIGHT;
      long width = Math.max(1, Math.round((double) value / highest * BAR_WIDTH));
      String label = cut(row.get(0) + " to " + row.get(1));
      page.append("<text x=\"0\" y=\"").append(y + 15).append("\">");
      page.append(escape(label)).append("</text><rect x=\"").append(LABEL_WIDTH);
      page.append("\" y=\"").append(y + 3).append("\" height=\"").append(BAR_HEIGHT - 6);
      page.append("\" width=\"").append(width).append("\"/><text x=\"");
      page.append(LABEL_WIDTH + width + 6).append("\" y=\"").append(y + 15).append("\">");
      page.append(String.format(Locale.ROOT, "%,d", value)).append("</text>\n");
    }
    page.append("</svg>\n");
  }

  private static String cut(String label) {
    int points = label.codePointCount(0, label.length());
    return points <= 60 ? label : label.substring(0, label.offsetByCodePoints(0, 59)) + "…";
  }

  /** Text of an element or of an attribute in double quotes. */
  private static String escape(String text) {
    return SafeText.of(text)
        .replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace("\"", "&quot;")
        .replace("'", "&#39;");
  }

  private static String sha256(String text) {
    try {
      return Base64.getEncoder()
          .encodeToString(
              MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8)));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("each JDK has SHA-256", e);
    }
  }
}

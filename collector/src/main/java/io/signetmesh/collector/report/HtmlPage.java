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

  private static final String STYLE =
      ":root{color-scheme:light dark}"
          + "body{font:14px/1.5 system-ui,sans-serif;margin:1.5em;color:#1b1f24;background:#fff}"
          + "h1{font-size:1.5em;margin:0 0 .2em}p{margin:.2em 0}"
          + "h1,p,li,figure{overflow-wrap:anywhere}"
          + "figure{margin:1em 0;max-width:60em;display:grid;gap:.1em 1em;"
          + "grid-template-columns:minmax(0,1fr) auto}"
          + "figure .v{text-align:right;font-variant-numeric:tabular-nums}"
          + "svg{grid-column:1/-1;display:block;width:100%;height:8px;margin-bottom:.5em}"
          + "rect{fill:#3d6fb4}"
          + ".wide{overflow-x:auto;margin-top:1em}"
          + "table{border-collapse:collapse}"
          + "th,td{text-align:left;padding:.3em .8em;border-bottom:1px solid #d0d7de;"
          + "vertical-align:top;overflow-wrap:anywhere;min-width:6em}"
          + "th{background:#f3f5f7}td.n{text-align:right}"
          + "ul{margin:.5em 0;padding-left:1.2em;color:#57606a}"
          + "@media(prefers-color-scheme:dark){body{background:#14171a;color:#e6e8ea}"
          + "th{background:#22272c}th,td{border-color:#3a4149}rect{fill:#6f9fe0}"
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
    // What is wider than the window is scrolled in it, also by the keyboard.
    page.append("<div class=\"wide\" role=\"region\" aria-label=\"All rows\" tabindex=\"0\">\n");
    page.append("<table>\n<thead><tr>");
    for (Report.Column column : report.columns()) {
      page.append("<th scope=\"col\">").append(escape(column.heading())).append("</th>");
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
    page.append("</tbody>\n</table>\n</div>\n");
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
    page.append("<figure role=\"group\" aria-label=\"Highest counts\">\n");
    for (List<Object> row : rows) {
      long value = (Long) row.get(count);
      String width = String.format(Locale.ROOT, "%.2f", Math.max(0.2, 100.0 * value / highest));
      page.append("<span>").append(escape(cut(row.get(0) + " to " + row.get(1))));
      page.append("</span><span class=\"v\">").append(String.format(Locale.ROOT, "%,d", value));
      page.append("</span><svg aria-hidden=\"true\"><rect width=\"").append(width);
      page.append("%\" height=\"100%\"/></svg>\n");
    }
    page.append("</figure>\n");
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

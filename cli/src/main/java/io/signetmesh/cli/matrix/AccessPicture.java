package io.signetmesh.cli.matrix;

import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * Draws who may call what: sources on the left, the routes of each Server on the right, one line
 * per allowed pair.
 *
 * <p>The result is one SVG file without external references. The same matrix always gives the same
 * bytes. The picture is readable on a light and on a dark background. Each line has a tooltip that
 * names its policy, and {@code title} and {@code desc} describe the picture in text.
 */
public final class AccessPicture {
  private static final int ROW = 30;
  private static final int BOX = 24;
  private static final int MARGIN = 24;
  private static final int TITLE = 64;
  private static final int GAP = 26;
  private static final int MIN_SPREAD = 280;
  private static final double LETTER = 7.4;

  /** Lines that are written out in the description; of more only the number is stated. */
  private static final int DESCRIBED_LINES = 40;

  /** Hues that are told apart without seeing red and green (Okabe and Ito). */
  private static final List<String> COLOURS =
      List.of(
          "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#8a6d00", "#2a9fd6", "#7f3fbf", "#767676");

  private static final String STYLE =
      """
      text { font: 13px ui-sans-serif, system-ui, sans-serif; fill: #1f2328; }
      .title { font-size: 16px; font-weight: 600; }
      .small { font-size: 12px; fill: #59636e; }
      .server { font-weight: 600; }
      .ground { fill: #ffffff; }
      .box { fill: #f6f8fa; stroke: #8c959f; }
      .group { fill: none; stroke: #8c959f; }
      .line { fill: none; stroke-width: 2; stroke-opacity: .8; }
      .line:hover { stroke-width: 4; stroke-opacity: 1; }
      .net { stroke-dasharray: 7 4; }
      .audit { stroke-dasharray: 2 4; }
      .not { stroke: #cf222e; stroke-dasharray: 12 3 2 3; }
      @media (prefers-color-scheme: dark) {
        text { fill: #e6edf3; }
        .small { fill: #9198a1; }
        .ground { fill: #0d1117; }
        .box { fill: #161b22; stroke: #656c76; }
        .group { stroke: #656c76; }
      }
      """;

  private final AccessMatrix matrix;
  private final PrintWriter out;
  private final Map<Source, Integer> sourceRows = new LinkedHashMap<>();
  private final Map<Target, Integer> targetRows = new LinkedHashMap<>();
  private final List<Group> groups = new ArrayList<>();
  private final int left;
  private final int right;
  private final int width;
  private final int height;

  /** The routes of one Server. */
  private record Group(String name, int top, List<Target> targets) {}

  private AccessPicture(AccessMatrix matrix, PrintWriter out) {
    this.matrix = matrix;
    this.out = out;
    int y = TITLE;
    Map<String, List<Target>> servers = new LinkedHashMap<>();
    for (Target target : matrix.targets()) {
      servers.computeIfAbsent(target.serverText(), name -> new ArrayList<>()).add(target);
    }
    y = TITLE;
    for (Map.Entry<String, List<Target>> server : servers.entrySet()) {
      groups.add(new Group(server.getKey(), y, server.getValue()));
      y += GAP;
      for (Target target : server.getValue()) {
        targetRows.put(target, y);
        y += ROW;
      }
      y += GAP / 2;
    }
    int bottom = Math.max(y, TITLE + matrix.sources().size() * ROW);
    int step = (bottom - TITLE) / Math.max(1, matrix.sources().size());
    y = TITLE + (step - BOX) / 2;
    for (Source source : matrix.sources()) {
      sourceRows.put(source, y);
      y += step;
    }
    this.left = width(matrix.sources().stream().map(Source::graphName).toList());
    List<String> names = new ArrayList<>(servers.keySet());
    matrix.targets().forEach(target -> names.add(target.routeText()));
    this.right = width(names);
    int lines = Math.max(matrix.sources().size(), matrix.targets().size());
    this.width =
        Math.max(760, 2 * MARGIN + left + right + Math.max(MIN_SPREAD, Math.min(560, 18 * lines)));
    this.height = bottom + 2 * GAP + MARGIN;
  }

  /** Draws a matrix as SVG. */
  public static void draw(AccessMatrix matrix, PrintWriter out) {
    new AccessPicture(matrix, out).draw();
  }

  private void draw() {
    out.printf(
        Locale.ROOT,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\""
            + " height=\"%d\" role=\"img\" aria-labelledby=\"access-title access-desc\">%n",
        width,
        height,
        width,
        height);
    out.println("<title id=\"access-title\">Who may reach what</title>");
    out.printf("<desc id=\"access-desc\">%s</desc>%n", escaped(description()));
    out.println("<style>");
    out.print(STYLE);
    out.println("</style>");
    out.printf("<rect class=\"ground\" width=\"%d\" height=\"%d\"/>%n", width, height);
    text(MARGIN, 28, "title", "Who may reach what");
    text(MARGIN, 48, "small", "calling");
    text(width - MARGIN - right, 48, "small", "called: Server and route");
    List<Source> sources = matrix.sources();
    for (AccessMatrix.Edge edge : matrix.edges()) {
      line(edge, COLOURS.get(sources.indexOf(edge.source()) % COLOURS.size()));
    }
    sourceRows.forEach(
        (source, y) -> {
          box(MARGIN, y, left);
          text(MARGIN + 10, y + 17, "", source.graphName());
        });
    int x = width - MARGIN - right;
    for (Group group : groups) {
      out.printf(
          "<rect class=\"group\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"6\"/>%n",
          x - 8, group.top() - 2, right + 16, GAP + group.targets().size() * ROW);
      text(x, group.top() + 16, "server", group.name());
      for (Target target : group.targets()) {
        int y = row(target);
        box(x, y, right);
        text(x + 10, y + 17, "", target.routeText().equals("*") ? "all" : target.routeText());
      }
    }
    text(
        MARGIN,
        height - MARGIN - 18,
        "small",
        "solid: allowed \u00b7 dashed: from some networks only \u00b7 dotted: let through by audit only"
            + " \u00b7 red: not allowed, unlike others");
    text(
        MARGIN,
        height - MARGIN,
        "small",
        "A line from \u201cany meshed client\u201d or \u201canybody\u201d stands for all who have none of"
            + " their own to the same place.");
    out.println("</svg>");
  }

  private void line(AccessMatrix.Edge edge, String colour) {
    int x1 = MARGIN + left;
    int x2 = width - MARGIN - right;
    int bend = (x2 - x1) / 2;
    Cell cell = edge.cell();
    Target target = edge.target();
    String kind =
        switch (cell.verdict()) {
          case NETWORKS, TOKEN -> " net";
          case AUDIT -> " audit";
          case ALLOW -> "";
          case DENIED, NONE -> " not";
        };
    int from = sourceRows.getOrDefault(edge.source(), TITLE) + BOX / 2;
    int to = row(target) + BOX / 2;
    out.printf(
        "<path class=\"line%s\" stroke=\"%s\" d=\"M%d %dC%d %d %d %d %d %d\"><title>%s</title>"
            + "</path>%n",
        kind, colour, x1, from, x1 + bend, from, x2 - bend, to, x2, to, escaped(inWords(edge)));
  }

  /** What the lines show, for readers who do not see them. */
  private String description() {
    List<AccessMatrix.Edge> edges = matrix.edges();
    if (edges.isEmpty()) {
      return "Nobody may reach anything.";
    }
    if (edges.size() > DESCRIBED_LINES) {
      return edges.size() + " lines from " + matrix.sources().size() + " sources.";
    }
    return edges.stream().map(AccessPicture::inWords).collect(Collectors.joining("; ", "", "."));
  }

  /** One line, with the policies that decide: {@code shop/frontend to shop/web: web-clients}. */
  private static String inWords(AccessMatrix.Edge edge) {
    Cell cell = edge.cell();
    Target target = edge.target();
    String words =
        edge.source().graphName()
            + " to "
            + target.serverText()
            + (target.routeText().equals("*") ? "" : " " + target.routeText())
            + ": "
            + (cell.verdict().passes() ? "" : "not allowed ")
            + cell.policyNames()
            + (cell.verdict() == Cell.Verdict.TOKEN ? " with a token" : "")
            + (cell.networks().isEmpty() ? "" : " from " + cell.networkText(5));
    return words.strip();
  }

  private int row(Target target) {
    return targetRows.getOrDefault(target, TITLE);
  }

  private void box(int x, int y, int boxWidth) {
    out.printf(
        "<rect class=\"box\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"4\"/>%n",
        x, y, boxWidth, BOX);
  }

  private void text(int x, int y, String style, String text) {
    out.printf(
        "<text x=\"%d\" y=\"%d\"%s>%s</text>%n",
        x, y, style.isEmpty() ? "" : " class=\"" + style + "\"", escaped(text));
  }

  private static int width(List<String> names) {
    int longest = names.stream().mapToInt(String::length).max().orElse(0);
    return (int) Math.max(120, longest * LETTER + 24);
  }

  static String escaped(String text) {
    StringBuilder escaped = new StringBuilder(text.length());
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      switch (c) {
        case '&' -> escaped.append("&amp;");
        case '<' -> escaped.append("&lt;");
        case '>' -> escaped.append("&gt;");
        case '"' -> escaped.append("&quot;");
        default -> escaped.append(Character.isISOControl(c) ? '\ufffd' : c);
      }
    }
    return escaped.toString();
  }
}

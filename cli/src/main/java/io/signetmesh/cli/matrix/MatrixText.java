package io.signetmesh.cli.matrix;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.signetmesh.cli.text.TextTable;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;

/** Formats a matrix as tables, as JSON and as a Graphviz graph. */
public final class MatrixText {
  private static final int NETWORKS_SHOWN = 3;

  private MatrixText() {}

  /** Prints a table with a row per route and a column per source. */
  public static void table(AccessMatrix matrix, PrintWriter out) {
    List<String> headings = new ArrayList<>(List.of("SERVER", "ROUTE"));
    matrix.sources().forEach(source -> headings.add(source.name()));
    TextTable table = new TextTable(headings.toArray(String[]::new));
    for (Target target : matrix.targets()) {
      List<String> row = new ArrayList<>(List.of(target.serverText(), target.routeText()));
      matrix.sources().forEach(source -> row.add(matrix.cell(source, target).verdict().text()));
      table.row(row);
    }
    table.print(out);
    out.println();
    out.println(
        "yes: allowed   net: from some networks only   token: with a token   audit: let through by audit"
            + " only   denied: by a DenyPolicy   -: not allowed");
    out.println("'-o wide' names the policies and networks behind each of them.");
  }

  /** Prints a table with a row per cell that is not empty, and the policies behind it. */
  public static void wide(AccessMatrix matrix, PrintWriter out) {
    TextTable table =
        new TextTable("SERVER", "ROUTE", "SOURCE", "ACCESS", "POLICY", "FROM NETWORKS");
    for (Target target : matrix.targets()) {
      for (Source source : matrix.sources()) {
        Cell cell = matrix.cell(source, target);
        if (cell.verdict() != Cell.Verdict.NONE) {
          table.row(
              List.of(
                  target.serverText(),
                  target.routeText(),
                  source.name(),
                  cell.verdict().text(),
                  cell.policyNames(),
                  cell.networkText(NETWORKS_SHOWN)));
        }
      }
    }
    table.print(out);
  }

  /** The matrix as JSON, with all cells. */
  public static ObjectNode json(AccessMatrix matrix) {
    ObjectNode root = JsonNodeFactory.instance.objectNode();
    ArrayNode sources = root.putArray("sources");
    for (Source source : matrix.sources()) {
      ObjectNode node = sources.addObject();
      node.put("name", source.name());
      if (source.workload() || source.identity() != null && source != Source.ANY_MESHED) {
        node.put("identity", source.identity());
      }
      node.put("tls", source.tls());
      node.put("workload", source.workload());
    }
    ArrayNode targets = root.putArray("targets");
    for (Target target : matrix.targets()) {
      ObjectNode node = targets.addObject();
      node.put("namespace", target.namespace());
      node.put("server", target.server().label());
      node.put("port", target.port());
      node.put("ports", target.workloads());
      if (target.route() != null) {
        node.put("route", target.route().label());
      }
      ArrayNode cells = node.putArray("access");
      for (Source source : matrix.sources()) {
        Cell cell = matrix.cell(source, target);
        ObjectNode one = cells.addObject();
        one.put("source", source.name());
        one.put("access", cell.verdict().code());
        ArrayNode policies = one.putArray("policies");
        cell.policies().forEach(policies::add);
        ArrayNode networks = one.putArray("networks");
        cell.networks().forEach(networks::add);
      }
    }
    return root;
  }

  /** Prints the allowed calls as a graph in Graphviz's DOT language. */
  public static void dot(AccessMatrix matrix, PrintWriter out) {
    out.println("digraph access {");
    out.println("  rankdir=LR;");
    out.println("  node [shape=box, style=rounded, fontname=\"sans-serif\"];");
    out.println("  edge [fontname=\"sans-serif\", fontsize=10];");
    List<Source> sources = matrix.sources();
    List<Target> targets = matrix.targets();
    for (int i = 0; i < sources.size(); i++) {
      out.println("  s" + i + " [label=" + quoted(sources.get(i).graphName()) + "];");
    }
    for (int i = 0; i < targets.size(); i++) {
      Target target = targets.get(i);
      out.println(
          "  t"
              + i
              + " [shape=component, label="
              + quoted(target.serverText() + "\n" + target.routeText())
              + "];");
    }
    for (AccessMatrix.Edge edge : matrix.edges()) {
      Cell cell = edge.cell();
      String label =
          (cell.verdict().passes() ? "" : "not allowed ")
              + cell.policyNames()
              + (cell.networks().isEmpty() ? "" : "\n" + cell.networkText(NETWORKS_SHOWN));
      out.println(
          "  s"
              + sources.indexOf(edge.source())
              + " -> t"
              + targets.indexOf(edge.target())
              + " [label="
              + quoted(label)
              + style(cell.verdict())
              + "];");
    }
    out.println("}");
  }

  private static String style(Cell.Verdict verdict) {
    return switch (verdict) {
      case NETWORKS, TOKEN -> ", style=dashed";
      case AUDIT -> ", style=dotted";
      case ALLOW -> "";
      case DENIED, NONE -> ", color=red, arrowhead=tee";
    };
  }

  private static String quoted(String text) {
    return "\"" + text.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n") + "\"";
  }
}

package io.signetmesh.cli.simulate;

import io.signetmesh.crds.text.PlainText;
import io.signetmesh.proxy.authorize.Explanation;
import io.signetmesh.proxy.authorize.Explanation.Condition;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;

/** Formats explanations of decisions for people. */
public final class ExplanationText {
  private ExplanationText() {}

  /** The level of a rule, in a word. */
  public static String level(Explanation.Level level) {
    return switch (level) {
      case SERVER_DENIAL -> "denial of the server";
      case ROUTE_DENIAL -> "denial of the route";
      case ROUTE -> "authorization of the route";
      case SERVER -> "authorization of the server";
      case AUDIT -> "audit access policy";
    };
  }

  /** The rules that were considered, denials first: one line per rule and one per condition. */
  public static List<String> rules(Explanation explanation) {
    List<String> lines = new ArrayList<>();
    for (Explanation.Rule rule : explanation.rules()) {
      lines.add(
          (rule.decisive() ? "* " : "  ")
              + (rule.matched() ? "matched  " : "no match ")
              + AnswerText.name(rule.ref())
              + " ("
              + level(rule.level())
              + ")");
      rule.conditions().forEach(condition -> lines.add("             " + text(condition)));
    }
    return lines.stream().map(PlainText::of).toList();
  }

  /** The routes that were considered: one line per route, with its conditions. */
  public static List<String> routes(Explanation explanation) {
    List<String> lines = new ArrayList<>();
    for (Explanation.RouteMatch match : explanation.routes()) {
      lines.add(
          (match.taken() ? "* " : "  ")
              + (match.matched() ? "matched  " : "no match ")
              + AnswerText.route(match.ref())
              + (match.conditions().isEmpty() ? " (takes every request)" : ""));
      match.conditions().forEach(condition -> lines.add("             " + text(condition)));
    }
    return lines.stream().map(PlainText::of).toList();
  }

  private static String text(Condition condition) {
    String what =
        condition.attribute().code() + (condition.name() == null ? "" : " " + condition.name());
    return (condition.holds() ? "ok   " : "fails ")
        .concat(what + " wants " + condition.wanted() + ", is " + condition.seen());
  }

  /** The failed conditions of a rule, on one line. */
  public static String failures(List<Condition> conditions) {
    return conditions.stream()
        .filter(condition -> !condition.holds())
        .map(ExplanationText::text)
        .map(PlainText::of)
        .collect(Collectors.joining("; "));
  }
}

package io.signetmesh.cli.check;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.signetmesh.cli.check.CheckResult.Category;
import io.signetmesh.cli.check.CheckResult.Level;
import java.io.PrintWriter;
import java.util.List;

/**
 * The results of all checks.
 *
 * @param results in the order of their categories
 */
record CheckReport(List<CheckResult> results) {
  CheckReport {
    results = List.copyOf(results);
  }

  long count(Level level) {
    return results.stream().filter(result -> result.level() == level).count();
  }

  /** Whether nothing fails. */
  boolean passes() {
    return count(Level.FAILURE) == 0;
  }

  /**
   * For people: a line for each check and, where there is something to do, one more.
   *
   * @param shortly leaves out what is as it should be
   */
  void print(PrintWriter out, boolean shortly) {
    for (Category category : Category.values()) {
      List<CheckResult> shown =
          results.stream()
              .filter(result -> result.category() == category)
              .filter(result -> !shortly || result.level() != Level.OK)
              .toList();
      if (shown.isEmpty()) {
        continue;
      }
      if (!shortly) {
        out.println(category.title());
      }
      for (CheckResult result : shown) {
        out.printf("%-4s  %s%n", result.level().text(), result.text());
        if (!result.hint().isEmpty()) {
          out.printf("      %s%n", result.hint());
        }
      }
      if (!shortly) {
        out.println();
      }
    }
    if (!shortly) {
      out.printf(
          "%d checks: %d ok, %d warnings, %d failures%n",
          results.size(), count(Level.OK), count(Level.WARNING), count(Level.FAILURE));
    }
  }

  /** For programs. */
  ObjectNode json() {
    ObjectNode root = JsonNodeFactory.instance.objectNode();
    root.put("passes", passes());
    root.put("warnings", count(Level.WARNING));
    root.put("failures", count(Level.FAILURE));
    ArrayNode checks = root.putArray("checks");
    for (CheckResult result : results) {
      ObjectNode node = checks.addObject();
      node.put("category", result.category().code());
      node.put("check", result.name());
      node.put("level", result.level().code());
      node.put("text", result.text());
      if (!result.hint().isEmpty()) {
        node.put("hint", result.hint());
      }
    }
    return root;
  }
}

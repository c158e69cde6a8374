package io.signetmesh.crds.admission;

import static io.signetmesh.crds.admission.ObjectFindings.quoted;

import io.fabric8.kubernetes.api.model.LabelSelector;
import io.fabric8.kubernetes.api.model.LabelSelectorRequirement;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Label selectors. */
final class SelectorRules {
  private SelectorRules() {}

  static void check(@Nullable LabelSelector selector, String field, ObjectFindings findings) {
    if (selector == null || selector.getMatchExpressions() == null) {
      return;
    }
    List<LabelSelectorRequirement> expressions = selector.getMatchExpressions();
    for (int i = 0; i < expressions.size(); i++) {
      check(expressions.get(i), field + ".matchExpressions[" + i + "]", findings);
    }
  }

  private static void check(
      LabelSelectorRequirement expression, String at, ObjectFindings findings) {
    if (expression.getKey() == null || expression.getKey().isEmpty()) {
      findings.error(at, List.of(at + ".key"), "required field \"key\" missing");
    }
    String operator = expression.getOperator();
    boolean values = expression.getValues() != null && !expression.getValues().isEmpty();
    switch (operator) {
      case null ->
          findings.error(at, List.of(at + ".operator"), "required field \"operator\" missing");
      case "In", "NotIn" -> {
        if (!values) {
          findings.warning(
              at,
              List.of(at + ".operator", at + ".values"),
              operator + " without values: this selects nothing");
        }
      }
      case "Exists", "DoesNotExist" -> {
        if (values) {
          findings.warning(
              at + ".values",
              List.of(at + ".operator", at + ".values"),
              operator + " takes no values: this selects nothing");
        }
      }
      default ->
          findings.error(
              at + ".operator",
              quoted(operator) + " is not one of In, NotIn, Exists, DoesNotExist");
    }
  }
}

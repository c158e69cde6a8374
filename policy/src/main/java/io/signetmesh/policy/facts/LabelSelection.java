package io.signetmesh.policy.facts;

import io.fabric8.kubernetes.api.model.LabelSelector;
import io.fabric8.kubernetes.api.model.LabelSelectorRequirement;
import io.signetmesh.crds.LabelMatcher;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** A label selector that can be asked and compared. */
public final class LabelSelection {
  private final LabelSelector selector;
  private final LabelMatcher matcher;

  private LabelSelection(LabelSelector selector) {
    this.selector = selector;
    this.matcher = LabelMatcher.of(selector);
  }

  /** The selection of a selector; an absent one selects everything. */
  public static LabelSelection of(@Nullable LabelSelector selector) {
    return new LabelSelection(Objects.requireNonNullElseGet(selector, LabelSelector::new));
  }

  /** Selects by labels alone. */
  public static LabelSelection of(Map<String, String> labels) {
    LabelSelector selector = new LabelSelector();
    selector.setMatchLabels(labels);
    return new LabelSelection(selector);
  }

  /** Whether an object with these labels is selected. */
  public boolean matches(Map<String, String> labels) {
    return matcher.matches(labels);
  }

  /** Expressions whose shape is wrong and which therefore match nothing, as messages name them. */
  public List<String> malformed() {
    List<LabelSelectorRequirement> expressions = selector.getMatchExpressions();
    if (expressions == null) {
      return List.of();
    }
    return expressions.stream()
        .filter(expression -> !isWellFormed(expression))
        .map(
            expression ->
                expression.getKey() + " " + expression.getOperator() + " " + expression.getValues())
        .toList();
  }

  private static boolean isWellFormed(LabelSelectorRequirement expression) {
    boolean values = expression.getValues() != null && !expression.getValues().isEmpty();
    String operator = expression.getOperator();
    return expression.getKey() != null
        && switch (operator == null ? "" : operator) {
          case "In", "NotIn" -> values;
          case "Exists", "DoesNotExist" -> !values;
          default -> false;
        };
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof LabelSelection that && that.selector.equals(selector);
  }

  @Override
  public int hashCode() {
    return selector.hashCode();
  }

  @Override
  public String toString() {
    return selector.toString();
  }
}

package io.signetmesh.crds;

import io.fabric8.kubernetes.api.model.LabelSelector;
import io.fabric8.kubernetes.api.model.LabelSelectorRequirement;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A label selector, ready to be asked. All of {@code matchLabels} and {@code matchExpressions} must
 * hold; a selector that is absent or empty matches everything. {@code NotIn} holds where the label
 * is missing. An expression of a wrong shape (In or NotIn without values, Exists or DoesNotExist
 * with values, an unknown operator) matches nothing.
 */
public final class LabelMatcher {
  private final Map<String, String> exact;
  private final List<Expression> expressions;

  private LabelMatcher(Map<String, String> exact, List<Expression> expressions) {
    this.exact = exact;
    this.expressions = expressions;
  }

  /** Matcher of a selector; null matches everything. */
  public static LabelMatcher of(@Nullable LabelSelector selector) {
    if (selector == null) {
      return new LabelMatcher(Map.of(), List.of());
    }
    Map<String, String> labels = selector.getMatchLabels();
    List<LabelSelectorRequirement> requirements = selector.getMatchExpressions();
    return new LabelMatcher(
        labels == null ? Map.of() : Map.copyOf(labels),
        requirements == null ? List.of() : requirements.stream().map(Expression::of).toList());
  }

  /** Matcher of the plain label map of a Service. */
  public static LabelMatcher ofLabels(Map<String, String> labels) {
    return new LabelMatcher(Map.copyOf(labels), List.of());
  }

  /** Whether an object with these labels is selected. */
  public boolean matches(Map<String, String> labels) {
    for (Map.Entry<String, String> wanted : exact.entrySet()) {
      if (!wanted.getValue().equals(labels.get(wanted.getKey()))) {
        return false;
      }
    }
    for (Expression expression : expressions) {
      if (!expression.matches(labels)) {
        return false;
      }
    }
    return true;
  }

  private enum Operator {
    IN,
    NOT_IN,
    EXISTS,
    DOES_NOT_EXIST,
    NEVER
  }

  private record Expression(String key, Operator operator, Set<String> values) {
    static Expression of(LabelSelectorRequirement requirement) {
      List<String> values = requirement.getValues();
      boolean empty = values == null || values.isEmpty();
      String name = requirement.getOperator();
      Operator operator =
          switch (name == null ? "" : name) {
            case "In" -> empty ? Operator.NEVER : Operator.IN;
            case "NotIn" -> empty ? Operator.NEVER : Operator.NOT_IN;
            case "Exists" -> empty ? Operator.EXISTS : Operator.NEVER;
            case "DoesNotExist" -> empty ? Operator.DOES_NOT_EXIST : Operator.NEVER;
            default -> Operator.NEVER;
          };
      String key = requirement.getKey();
      return key == null
          ? new Expression("", Operator.NEVER, Set.of())
          : new Expression(key, operator, values == null ? Set.of() : Set.copyOf(values));
    }

    boolean matches(Map<String, String> labels) {
      String value = labels.get(key);
      return switch (operator) {
        case IN -> value != null && values.contains(value);
        case NOT_IN -> value == null || !values.contains(value);
        case EXISTS -> value != null;
        case DOES_NOT_EXIST -> value == null;
        case NEVER -> false;
      };
    }
  }
}

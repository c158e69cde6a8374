package io.signetmesh.crds;

import io.fabric8.kubernetes.api.model.LabelSelector;
import io.fabric8.kubernetes.api.model.LabelSelectorRequirement;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A compiled Kubernetes {@code LabelSelector}. All of {@code matchLabels} and {@code
 * matchExpressions} must hold. A selector that is null or empty matches everything. {@code NotIn}
 * also matches objects without the label. A malformed expression (In or NotIn without values,
 * Exists or DoesNotExist with values, an unknown operator, no key) matches nothing.
 */
public final class LabelMatcher {
  private final Map<String, String> exact;
  private final List<Expression> expressions;

  private LabelMatcher(Map<String, String> exact, List<Expression> expressions) {
    this.exact = exact;
    this.expressions = expressions;
  }

  /** Compiles a selector; null matches everything. */
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

  /**
   * Compiles the plain label map of a Service's {@code spec.selector}; an empty map matches
   * everything.
   */
  public static LabelMatcher ofLabels(Map<String, String> labels) {
    return new LabelMatcher(Map.copyOf(labels), List.of());
  }

  /** Whether the selector matches an object with these labels. */
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

package io.signetmesh.policy.facts;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Selects objects by their labels: all labels and all requirements must hold; an empty selector
 * selects everything.
 *
 * @param labels labels that must be present with that value
 * @param requirements further conditions
 */
public record LabelSelector(Map<String, String> labels, List<Requirement> requirements) {
  /** Selects everything. */
  public static final LabelSelector ALL = new LabelSelector(Map.of(), List.of());

  /** Copies its arguments. */
  public LabelSelector {
    labels = Map.copyOf(labels);
    requirements = List.copyOf(requirements);
  }

  /** Selects by labels alone. */
  public static LabelSelector of(Map<String, String> labels) {
    return new LabelSelector(labels, List.of());
  }

  /** Whether an object with these labels is selected. */
  public boolean matches(Map<String, String> candidate) {
    for (Map.Entry<String, String> label : labels.entrySet()) {
      if (!label.getValue().equals(candidate.get(label.getKey()))) {
        return false;
      }
    }
    for (Requirement requirement : requirements) {
      if (!requirement.matches(candidate.get(requirement.key()))) {
        return false;
      }
    }
    return true;
  }

  /**
   * One condition on a label.
   *
   * @param key label
   * @param operator {@code In}, {@code NotIn}, {@code Exists} or {@code DoesNotExist}; anything
   *     else matches nothing
   * @param values values of {@code In} and {@code NotIn}; null when the manifest has none
   */
  public record Requirement(String key, String operator, @Nullable List<String> values) {
    /** Copies the values. */
    public Requirement {
      values = values == null ? null : List.copyOf(values);
    }

    /** Whether the operator is known and has values exactly when it takes some. */
    public boolean isWellFormed() {
      return switch (operator) {
        case "In", "NotIn" -> values != null;
        case "Exists", "DoesNotExist" -> values == null;
        default -> false;
      };
    }

    /** Whether a label with this value (null: no such label) passes; a malformed one never does. */
    boolean matches(@Nullable String value) {
      if (!isWellFormed()) {
        return false;
      }
      return switch (operator) {
        case "In" -> value != null && values != null && values.contains(value);
        case "NotIn" -> value == null || (values != null && !values.contains(value));
        case "Exists" -> value != null;
        case "DoesNotExist" -> value == null;
        default -> false;
      };
    }
  }
}

package io.signetmesh.policy.model;

import io.fabric8.kubernetes.api.model.LabelSelector;
import io.fabric8.kubernetes.api.model.LabelSelectorRequirement;
import io.signetmesh.crds.LabelMatcher;
import io.signetmesh.crds.text.NearestName;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
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

  /**
   * A selection with the typos in its labels corrected.
   *
   * @param selection the corrected selection
   * @param meant the labels that differ, corrected: {@code app=web}
   */
  public record Corrected(LabelSelection selection, String meant) {}

  /**
   * This selection corrected so that it selects an object with these labels. Empty when it selects
   * the object as it is, asks for more than labels, or differs by more than a typo or two in a key
   * or value.
   */
  public Optional<Corrected> corrected(Map<String, String> labels) {
    Map<String, String> wanted = selector.getMatchLabels();
    boolean expressions =
        selector.getMatchExpressions() != null && !selector.getMatchExpressions().isEmpty();
    if (wanted == null || wanted.isEmpty() || expressions) {
      return Optional.empty();
    }
    Map<String, String> corrected = new TreeMap<>();
    List<String> meant = new ArrayList<>();
    for (Map.Entry<String, String> label : wanted.entrySet()) {
      String key = label.getKey();
      if (!labels.containsKey(key)) {
        key = NearestName.of(key, labels.keySet()).orElse("");
      }
      String value = labels.get(key);
      String said = label.getValue() == null ? "" : label.getValue();
      if (value == null || (!value.equals(said) && NearestName.of(said, Set.of(value)).isEmpty())) {
        return Optional.empty();
      }
      corrected.put(key, value);
      if (!key.equals(label.getKey()) || !value.equals(said)) {
        meant.add(key + "=" + value);
      }
    }
    return meant.isEmpty()
        ? Optional.empty()
        : Optional.of(new Corrected(of(corrected), String.join(",", meant)));
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

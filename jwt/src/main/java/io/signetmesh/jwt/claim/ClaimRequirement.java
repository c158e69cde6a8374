package io.signetmesh.jwt.claim;

import com.google.re2j.Pattern;
import com.google.re2j.PatternSyntaxException;
import io.signetmesh.jwt.jose.JsonText;
import io.signetmesh.jwt.jose.JsonValue;
import io.signetmesh.v1.ClaimRule;
import java.util.List;

/** What a claim has to be, compiled. Immutable. Time is linear in the claim. */
public final class ClaimRequirement {
  /** Longest regular expression, in characters. */
  public static final int MAX_PATTERN = 1024;

  /**
   * Largest compiled regular expression, in instructions: matching takes that many steps for each
   * character at most.
   */
  public static final int MAX_PROGRAM = 1024;

  /** Longest text that a regular expression is tried with, in characters; no longer one matches. */
  public static final int MAX_MATCHED = 4096;

  private static final String WITHOUT_OPERATOR = "no operator that this version knows";

  private final ClaimPath path;
  private final Operator operator;
  private final String text;

  private ClaimRequirement(ClaimPath path, Operator operator, String text) {
    this.path = path;
    this.operator = operator;
    this.text = path + " " + text;
  }

  /** Holds, or not, for what is at the end of the path. */
  private sealed interface Operator {
    record Equals(Scalars value) implements Operator {}

    record AnyOf(Scalars values) implements Operator {}

    record AllOf(Scalars values) implements Operator {}

    record NoneOf(Scalars values) implements Operator {}

    record Matches(Pattern pattern) implements Operator {}

    record Exists(boolean wanted) implements Operator {}
  }

  /**
   * Compiles a rule.
   *
   * @throws IllegalArgumentException when a part is missing, out of range or unknown
   */
  public static ClaimRequirement compile(ClaimRule rule) {
    ClaimPath path = new ClaimPath(rule.getPathList());
    try {
      return switch (rule.getOperatorCase()) {
        case EQUALS -> {
          Scalars value = Scalars.of(List.of(rule.getEquals()));
          yield new ClaimRequirement(path, new Operator.Equals(value), "equals " + value);
        }
        case ANY_OF -> {
          Scalars values = Scalars.of(rule.getAnyOf().getValuesList());
          yield new ClaimRequirement(path, new Operator.AnyOf(values), "any of " + values);
        }
        case ALL_OF -> {
          Scalars values = Scalars.of(rule.getAllOf().getValuesList());
          yield new ClaimRequirement(path, new Operator.AllOf(values), "all of " + values);
        }
        case NONE_OF -> {
          Scalars values = Scalars.of(rule.getNoneOf().getValuesList());
          yield new ClaimRequirement(path, new Operator.NoneOf(values), "none of " + values);
        }
        case MATCHES ->
            new ClaimRequirement(
                path,
                new Operator.Matches(pattern(rule.getMatches())),
                "matches " + JsonText.quoted(rule.getMatches()));
        case EXISTS ->
            new ClaimRequirement(
                path,
                new Operator.Exists(rule.getExists()),
                rule.getExists() ? "exists" : "does not exist");
        case OPERATOR_NOT_SET -> throw new IllegalArgumentException(WITHOUT_OPERATOR);
      };
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException("claim " + path + ": " + e.getMessage(), e);
    }
  }

  private static Pattern pattern(String regex) {
    if (regex.length() > MAX_PATTERN) {
      throw new IllegalArgumentException(
          "regular expression of "
              + regex.length()
              + " characters: expected at most "
              + MAX_PATTERN);
    }
    try {
      Pattern pattern = Pattern.compile(regex);
      if (pattern.programSize() > MAX_PROGRAM) {
        throw new IllegalArgumentException(
            "regular expression "
                + JsonText.quoted(regex)
                + " is too large: "
                + pattern.programSize()
                + " instructions, expected at most "
                + MAX_PROGRAM);
      }
      return pattern;
    } catch (PatternSyntaxException e) {
      throw new IllegalArgumentException(
          "regular expression " + JsonText.quoted(regex) + ": " + e.getDescription(), e);
    }
  }

  /** Whether the claim is as required. */
  public boolean holds(JsonValue.Members claims) {
    return switch (path.find(claims)) {
      case ClaimPath.Found.Value(JsonValue value) -> holds(value);
      case ClaimPath.Found.Absent() ->
          switch (operator) {
            case Operator.NoneOf noneOf -> true;
            case Operator.Exists(boolean wanted) -> !wanted;
            default -> false;
          };
      case ClaimPath.Found.Blocked() -> false;
    };
  }

  private boolean holds(JsonValue value) {
    return switch (operator) {
      case Operator.Equals(Scalars expected) -> expected.contains(value);
      case Operator.AnyOf(Scalars expected) ->
          value instanceof JsonValue.Elements(List<JsonValue> elements)
              ? elements.stream().anyMatch(expected::contains)
              : expected.contains(value);
      case Operator.AllOf(Scalars expected) ->
          value instanceof JsonValue.Elements(List<JsonValue> elements)
              ? expected.allIn(elements)
              : expected.size() == 1 && expected.contains(value);
      case Operator.NoneOf(Scalars unwanted) ->
          value instanceof JsonValue.Elements(List<JsonValue> elements)
              ? elements.stream().allMatch(element -> isNone(element, unwanted))
              : isNone(value, unwanted);
      case Operator.Matches(Pattern pattern) ->
          value instanceof JsonValue.Elements(List<JsonValue> elements)
              ? elements.stream().anyMatch(element -> matches(element, pattern))
              : matches(value, pattern);
      case Operator.Exists(boolean wanted) -> wanted;
    };
  }

  private static boolean isNone(JsonValue value, Scalars unwanted) {
    return !(value instanceof JsonValue.Members)
        && !(value instanceof JsonValue.Elements)
        && !unwanted.contains(value);
  }

  private static boolean matches(JsonValue value, Pattern pattern) {
    return value instanceof JsonValue.Text(String text)
        && text.length() <= MAX_MATCHED
        && pattern.matches(text);
  }

  /** The claim's path. */
  public ClaimPath path() {
    return path;
  }

  /** For people: {@code groups any of "admin", "ops"}. */
  @Override
  public String toString() {
    return text;
  }
}

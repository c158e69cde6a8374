package io.signetmesh.crds.route;

import com.google.re2j.Pattern;
import com.google.re2j.PatternSyntaxException;
import java.util.Optional;
import java.util.regex.Matcher;

/**
 * Regular expressions of route matches. They use the syntax of RE2, which matches in time linear in
 * the input. Limits keep each match cheap: 4,096 characters, 100 groups and 2,000 RE2 instructions.
 */
public final class LinearExpression {
  private static final int MAX_LENGTH = 4_096;
  private static final int MAX_INSTRUCTIONS = 2_000;
  private static final int MAX_GROUPS = 100;

  private LinearExpression() {}

  private static final long MAX_BULK = 1_000_000;
  private static final java.util.regex.Pattern REPETITION =
      java.util.regex.Pattern.compile("(\\)\\??)?\\{([0-9]{1,5})(?:,([0-9]{0,5}))?\\}");

  /** Why proxies reject the expression; empty when they accept it. */
  public static Optional<String> problem(String expression) {
    if (expression.length() > MAX_LENGTH) {
      return Optional.of("it has more than " + MAX_LENGTH + " characters");
    }
    if (expression.chars().filter(c -> c == '(').count() > MAX_GROUPS) {
      return Optional.of("it has more than " + MAX_GROUPS + " groups");
    }
    if (bulk(expression) > MAX_BULK) {
      return Optional.of("its repetitions of groups are too large");
    }
    try {
      int size = Pattern.compile(expression).programSize();
      return size > MAX_INSTRUCTIONS
          ? Optional.of(
              "it takes " + size + " instructions, where " + MAX_INSTRUCTIONS + " are the most")
          : Optional.empty();
    } catch (PatternSyntaxException e) {
      return Optional.of(e.getDescription());
    }
  }

  /** No less than what compiling looks at: repetitions of groups may be in one another. */
  private static long bulk(String expression) {
    long groups = 1;
    long rest = expression.length();
    Matcher matcher = REPETITION.matcher(expression);
    while (matcher.find()) {
      String most = matcher.group(3);
      long count =
          Math.max(1, Long.parseLong(most == null || most.isEmpty() ? matcher.group(2) : most));
      if (matcher.group(1) != null) {
        groups = Math.min(MAX_BULK + 1, groups * count);
      } else {
        rest += count;
      }
    }
    return Math.min(MAX_BULK + 1, groups * Math.min(MAX_BULK + 1, rest));
  }
}

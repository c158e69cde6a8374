package io.signetmesh.proxy.authorize;

import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What regular expressions have said about one request, and what asking them has cost. Each
 * expression is asked about a text once. All expressions of a request share a budget of {@link
 * LinearPattern#MAX_STEPS}, whatever they are asked about: header, query or path, in policy that is
 * in force and in what is tried. Not for several threads.
 */
public final class ExpressionWork {
  /** Characters of a text that count for one step where it is only compared. */
  private static final int COMPARED_PER_STEP = 64;

  private long spent;
  private boolean exhausted;
  private @Nullable Map<String, Map<LinearPattern, Boolean>> answers;
  private @Nullable CharSequence lastText;
  private int lastEnd;
  private @Nullable String last;

  /** Forgets everything, for the next request. */
  public void reset() {
    spent = 0;
    exhausted = false;
    answers = null;
    lastText = null;
    last = null;
  }

  /**
   * Whether the budget was too small for an expression. Then the result of route matching must not
   * be used.
   */
  public boolean isExhausted() {
    return exhausted;
  }

  /** Steps spent so far, see {@link LinearPattern#steps}. */
  public long spent() {
    return spent;
  }

  /** Whether the text up to {@code end} (exclusive) matches; false once the budget is exhausted. */
  public boolean matches(LinearPattern pattern, CharSequence text, int end) {
    long steps = pattern.steps(text, end);
    if (steps == 0) {
      return spend(end / COMPARED_PER_STEP) && pattern.matches(text, end);
    }
    Map<LinearPattern, Boolean> known = known(text, end);
    Boolean answer = known.get(pattern);
    if (answer == null) {
      if (!spend(steps)) {
        return false;
      }
      answer = pattern.matches(text, end);
      known.put(pattern, answer);
    }
    return answer;
  }

  private boolean spend(long steps) {
    if (exhausted || steps > LinearPattern.MAX_STEPS - spent) {
      exhausted = true;
      return false;
    }
    spent += steps;
    return true;
  }

  @SuppressWarnings("ReferenceEquality") // Headers are handed out as they are.
  private Map<LinearPattern, Boolean> known(CharSequence text, int end) {
    String asked = last;
    if (asked == null || text != lastText || end != lastEnd) {
      asked = text.subSequence(0, end).toString();
      lastText = text;
      lastEnd = end;
      last = asked;
    }
    Map<String, Map<LinearPattern, Boolean>> all = answers;
    if (all == null) {
      all = new HashMap<>();
      answers = all;
    }
    return all.computeIfAbsent(asked, key -> new HashMap<>());
  }
}

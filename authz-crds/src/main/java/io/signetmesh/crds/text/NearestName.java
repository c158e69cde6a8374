package io.signetmesh.crds.text;

import java.util.Collection;
import java.util.Locale;
import java.util.Optional;

/** Suggests the known name that a misspelled one probably stands for. */
public final class NearestName {
  private static final int MAX_DISTANCE = 2;
  private static final int MAX_LENGTH = 253;
  private static final int SHORT = 5;

  private NearestName() {}

  /**
   * The nearest known name, at most two typos away; one if the name has at most 5 characters. A
   * typo is a character that is left out, added, replaced or exchanged with its neighbour. Case
   * does not matter. Empty when no name is that near, and for names of more than 253 characters.
   */
  public static Optional<String> of(String name, Collection<String> known) {
    String nearest = null;
    int best = (name.length() <= SHORT ? 1 : MAX_DISTANCE) + 1;
    String lower = name.toLowerCase(Locale.ROOT);
    if (name.isEmpty() || name.length() > MAX_LENGTH) {
      return Optional.empty();
    }
    for (String candidate : known) {
      if (Math.abs(candidate.length() - name.length()) >= best && nearest != null
          || Math.abs(candidate.length() - name.length()) > MAX_DISTANCE
          || candidate.equals(name)) {
        continue;
      }
      int distance = distance(lower, candidate.toLowerCase(Locale.ROOT));
      if (distance < best
          || (distance == best && nearest != null && candidate.compareTo(nearest) < 0)) {
        best = distance;
        nearest = candidate;
      }
    }
    return Optional.ofNullable(nearest);
  }

  /** {@code (did you mean "port"?)}, or an empty string when no name is near. */
  public static String hint(String name, Collection<String> known) {
    return of(name, known)
        .map(nearest -> " (did you mean " + Quoted.text(nearest) + "?)")
        .orElse("");
  }

  /** Levenshtein distance, an exchange of neighbours counted as one step. */
  private static int distance(String a, String b) {
    int[] beforeLast = new int[b.length() + 1];
    int[] last = new int[b.length() + 1];
    int[] row = new int[b.length() + 1];
    for (int j = 0; j <= b.length(); j++) {
      last[j] = j;
    }
    for (int i = 1; i <= a.length(); i++) {
      row[0] = i;
      for (int j = 1; j <= b.length(); j++) {
        boolean equal = a.charAt(i - 1) == b.charAt(j - 1);
        row[j] = Math.min(last[j - 1] + (equal ? 0 : 1), Math.min(last[j], row[j - 1]) + 1);
        if (i > 1
            && j > 1
            && a.charAt(i - 1) == b.charAt(j - 2)
            && a.charAt(i - 2) == b.charAt(j - 1)) {
          row[j] = Math.min(row[j], beforeLast[j - 2] + 1);
        }
      }
      int[] free = beforeLast;
      beforeLast = last;
      last = row;
      row = free;
    }
    return last[b.length()];
  }
}

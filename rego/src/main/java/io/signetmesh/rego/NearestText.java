package io.signetmesh.rego;

import java.util.Collection;
import org.jspecify.annotations.Nullable;

/** Finds what somebody may have meant who misspelled something. */
final class NearestText {
  private static final int LONGEST = 100;

  private NearestText() {}

  /**
   * The candidate that differs in the fewest characters, at most a third of them; null for none.
   */
  static @Nullable String of(String text, Collection<String> candidates) {
    String nearest = null;
    int least = text.length() / 3 + 1;
    for (String candidate : candidates) {
      if (candidate.length() <= LONGEST && text.length() <= LONGEST) {
        int distance = distance(text, candidate);
        if (distance < least) {
          least = distance;
          nearest = candidate;
        }
      }
    }
    return nearest;
  }

  /** Levenshtein's distance. */
  private static int distance(String a, String b) {
    int[] row = new int[b.length() + 1];
    for (int j = 0; j < row.length; j++) {
      row[j] = j;
    }
    for (int i = 1; i <= a.length(); i++) {
      int diagonal = row[0];
      row[0] = i;
      for (int j = 1; j < row.length; j++) {
        int replaced = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
        diagonal = row[j];
        row[j] = Math.min(replaced, 1 + Math.min(row[j], row[j - 1]));
      }
    }
    return row[b.length()];
  }
}

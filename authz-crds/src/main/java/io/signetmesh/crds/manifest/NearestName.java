package io.signetmesh.crds.manifest;

import java.util.Collection;
import java.util.Locale;

/** Finds the name that was probably meant. */
public final class NearestName {
  private static final int MAX_DISTANCE = 2;
  private static final int MAX_LENGTH = 64;

  private NearestName() {}

  /** {@code (did you mean "port"?)}, or nothing when no name is near. */
  public static String hint(String name, Collection<String> known) {
    if (name.length() > MAX_LENGTH) {
      return "";
    }
    String nearest = "";
    int best = MAX_DISTANCE + 1;
    for (String candidate : known) {
      int distance = distance(name.toLowerCase(Locale.ROOT), candidate.toLowerCase(Locale.ROOT));
      if (distance < best && distance < Math.max(1, candidate.length() / 2)) {
        best = distance;
        nearest = candidate;
      }
    }
    return nearest.isEmpty() ? "" : " (did you mean " + Quoted.text(nearest) + "?)";
  }

  /** Levenshtein distance. */
  private static int distance(String a, String b) {
    int[] row = new int[b.length() + 1];
    for (int j = 0; j <= b.length(); j++) {
      row[j] = j;
    }
    for (int i = 1; i <= a.length(); i++) {
      int diagonal = row[0];
      row[0] = i;
      for (int j = 1; j <= b.length(); j++) {
        int substitution = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
        diagonal = row[j];
        row[j] = Math.min(substitution, Math.min(row[j], row[j - 1]) + 1);
      }
    }
    return row[b.length()];
  }
}

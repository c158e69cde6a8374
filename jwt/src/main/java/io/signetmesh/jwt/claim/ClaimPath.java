package io.signetmesh.jwt.claim;

import io.signetmesh.jwt.jose.JsonText;
import io.signetmesh.jwt.jose.JsonValue;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The way to a claim: names of members from the root, so that a dot in a name is part of it.
 *
 * @param names at least one, at most {@link #MAX_NAMES}
 */
public record ClaimPath(List<String> names) {
  /** As deep as claims can be. */
  public static final int MAX_NAMES = 32;

  private static final Pattern PLAIN = Pattern.compile("[A-Za-z0-9_-]+");

  /** Refuses a path without names, or with too many. */
  public ClaimPath {
    names = List.copyOf(names);
    if (names.isEmpty() || names.size() > MAX_NAMES) {
      throw new IllegalArgumentException(
          "path of " + names.size() + " names: expected 1 to " + MAX_NAMES);
    }
  }

  /** What is at the end of a path. */
  sealed interface Found {
    /** The value. */
    record Value(JsonValue value) implements Found {}

    /** Nothing: a member on the way is missing, or null. */
    record Absent() implements Found {}

    /** A value on the way is no object, so that nobody can say what is behind it. */
    record Blocked() implements Found {}
  }

  private static final Found ABSENT = new Found.Absent();
  private static final Found BLOCKED = new Found.Blocked();

  /** The value; null when it is absent. */
  public @Nullable JsonValue in(JsonValue.Members claims) {
    return find(claims) instanceof Found.Value(JsonValue value) ? value : null;
  }

  Found find(JsonValue.Members claims) {
    JsonValue value = claims;
    for (String name : names) {
      if (value instanceof JsonValue.Nothing) {
        return ABSENT;
      }
      if (!(value instanceof JsonValue.Members members)) {
        return BLOCKED;
      }
      JsonValue next = members.get(name);
      if (next == null) {
        return ABSENT;
      }
      value = next;
    }
    return new Found.Value(value);
  }

  /** For people: names with a dot between them, those that are no plain words quoted. */
  @Override
  public String toString() {
    return names.stream()
        .map(name -> PLAIN.matcher(name).matches() ? name : JsonText.quoted(name))
        .collect(Collectors.joining("."));
  }
}

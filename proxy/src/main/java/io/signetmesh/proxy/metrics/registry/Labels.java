package io.signetmesh.proxy.metrics.registry;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * An ordered set of label names and values. Values may hold any text; it is escaped on exposure.
 */
public final class Labels {
  private static final Labels NONE = new Labels(new String[0]);

  private final String[] pairs;
  private final int hash;

  private Labels(String[] pairs) {
    this.pairs = pairs;
    this.hash = Arrays.hashCode(pairs);
  }

  /** No labels. */
  public static Labels none() {
    return NONE;
  }

  /** Names and values in turn. */
  public static Labels of(String... namesAndValues) {
    if (namesAndValues.length % 2 != 0) {
      throw new IllegalArgumentException(
          "label " + namesAndValues[namesAndValues.length - 1] + " has no value");
    }
    return new Labels(namesAndValues.clone());
  }

  /** Makes labels. */
  public static Builder builder() {
    return new Builder();
  }

  /** These labels and, after them, more names and values in turn. */
  public Labels and(String... namesAndValues) {
    return builder().add(this).add(of(namesAndValues)).build();
  }

  int size() {
    return pairs.length / 2;
  }

  String name(int index) {
    return pairs[2 * index];
  }

  String value(int index) {
    return pairs[2 * index + 1];
  }

  /** The same names, every value replaced. */
  Labels withEveryValue(String value) {
    String[] replaced = pairs.clone();
    for (int i = 1; i < replaced.length; i += 2) {
      replaced[i] = value;
    }
    return new Labels(replaced);
  }

  /** As in the text format, without the braces. */
  String text() {
    StringBuilder text = new StringBuilder(pairs.length * 12);
    for (int i = 0; i < pairs.length; i += 2) {
      if (i > 0) {
        text.append(',');
      }
      text.append(pairs[i]).append("=\"");
      escape(pairs[i + 1], text);
      text.append('"');
    }
    return text.toString();
  }

  private static void escape(String value, StringBuilder into) {
    for (int i = 0; i < value.length(); i++) {
      char c = value.charAt(i);
      switch (c) {
        case '\\' -> into.append("\\\\");
        case '"' -> into.append("\\\"");
        case '\n' -> into.append("\\n");
        default -> into.append(c);
      }
    }
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Labels that && hash == that.hash && Arrays.equals(pairs, that.pairs);
  }

  @Override
  public int hashCode() {
    return hash;
  }

  @Override
  public String toString() {
    return "{" + text() + "}";
  }

  public static final class Builder {
    private final List<String> pairs = new ArrayList<>();

    private Builder() {}

    /** Adds a label; one whose name is there already is left out. */
    public Builder add(String name, String value) {
      for (int i = 0; i < pairs.size(); i += 2) {
        if (pairs.get(i).equals(name)) {
          return this;
        }
      }
      pairs.add(name);
      pairs.add(value);
      return this;
    }

    /** Adds all of other labels. */
    public Builder add(Labels more) {
      for (int i = 0; i < more.size(); i++) {
        add(more.name(i), more.value(i));
      }
      return this;
    }

    /** The labels as added so far. */
    public Labels build() {
      return new Labels(pairs.toArray(String[]::new));
    }
  }
}

package io.signetmesh.cli.host;

import java.util.Arrays;
import java.util.List;

/** Entries of an annotation that holds a comma-separated list. */
final class AnnotationList {
  private AnnotationList() {}

  static List<String> of(String value) {
    return Arrays.stream(value.split(",", -1))
        .map(String::strip)
        .filter(entry -> !entry.isEmpty())
        .toList();
  }
}

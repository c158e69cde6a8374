package io.signetmesh.crds.manifest;

import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** Where the fields of one document stand, without the document. */
final class FieldTable {
  private static final int MAX_FIELDS = 1_024;

  private final String[] paths;
  private final int[] lines;
  private final int[] columns;

  private FieldTable(Map<String, Position> fields) {
    paths = fields.keySet().toArray(String[]::new);
    lines = fields.values().stream().mapToInt(Position::line).toArray();
    columns = fields.values().stream().mapToInt(Position::column).toArray();
  }

  /** The fields of a document; of a very large one, the first. */
  static FieldTable of(YamlNode.Mapping root) {
    Map<String, Position> fields = new TreeMap<>();
    add("", root, fields);
    return new FieldTable(fields);
  }

  private static void add(String path, YamlNode node, Map<String, Position> fields) {
    switch (node) {
      case YamlNode.Mapping mapping -> {
        for (YamlNode.Entry entry : mapping.entries()) {
          String key = entry.key();
          boolean plain = key.indexOf('.') < 0 && key.indexOf('[') < 0;
          String name = plain ? key : "[\"" + key + "\"]";
          String below = path.isEmpty() || !plain ? path + name : path + "." + name;
          if (fields.size() < MAX_FIELDS) {
            fields.put(
                below,
                entry.value() instanceof YamlNode.Scalar
                    ? entry.value().position()
                    : entry.position());
          }
          add(below, entry.value(), fields);
        }
      }
      case YamlNode.Sequence sequence -> {
        for (int i = 0; i < sequence.items().size(); i++) {
          String below = path + "[" + i + "]";
          if (fields.size() < MAX_FIELDS) {
            fields.put(below, sequence.items().get(i).position());
          }
          add(below, sequence.items().get(i), fields);
        }
      }
      case YamlNode.Scalar scalar -> {}
    }
  }

  /** Whether the field is written. */
  boolean has(String path) {
    return Arrays.binarySearch(paths, path) >= 0;
  }

  /** Line and column of the field, or of the innermost one around it; null when there is none. */
  int @Nullable [] find(String path) {
    String at = path;
    while (!at.isEmpty()) {
      int index = Arrays.binarySearch(paths, at);
      if (index >= 0) {
        return new int[] {lines[index], columns[index]};
      }
      at = at.substring(0, Math.max(0, Math.max(at.lastIndexOf('.'), at.lastIndexOf('['))));
    }
    return null;
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof FieldTable that
        && Arrays.equals(lines, that.lines)
        && Arrays.equals(columns, that.columns)
        && Arrays.equals(paths, that.paths);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(lines) * 31 + Arrays.hashCode(columns);
  }
}

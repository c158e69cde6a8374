package io.signetmesh.crds.manifest;

import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** Where the fields of one document stand, without the document. */
final class FieldTable {
  private static final int MAX_NODES = 2_048;
  private static final int MAX_PATH = 512;

  private final String[] paths;
  private final int[] lines;
  private final int[] columns;

  private FieldTable(Map<String, Position> fields) {
    paths = fields.keySet().toArray(String[]::new);
    lines = fields.values().stream().mapToInt(Position::line).toArray();
    columns = fields.values().stream().mapToInt(Position::column).toArray();
  }

  /** The fields of a document; of a large one, or one that aliases blow up, the first. */
  static FieldTable of(YamlNode.Mapping root) {
    Walk walk = new Walk();
    walk.add("", root);
    return new FieldTable(walk.fields);
  }

  /** Looks at a bounded number of nodes: aliases make a document larger than what is written. */
  private static final class Walk {
    final Map<String, Position> fields = new TreeMap<>();
    private int left = MAX_NODES;

    void add(String path, YamlNode node) {
      switch (node) {
        case YamlNode.Mapping mapping -> {
          for (YamlNode.Entry entry : mapping.entries()) {
            String key = entry.key();
            boolean plain = key.indexOf('.') < 0 && key.indexOf('[') < 0;
            String name = plain ? key : "[\"" + key + "\"]";
            String below = path.isEmpty() || !plain ? path + name : path + "." + name;
            Position position =
                entry.value() instanceof YamlNode.Scalar
                    ? entry.value().position()
                    : entry.position();
            if (!take(below, position)) {
              return;
            }
            add(below, entry.value());
          }
        }
        case YamlNode.Sequence sequence -> {
          for (int i = 0; i < sequence.items().size(); i++) {
            String below = path + "[" + i + "]";
            if (!take(below, sequence.items().get(i).position())) {
              return;
            }
            add(below, sequence.items().get(i));
          }
        }
        case YamlNode.Scalar scalar -> {}
      }
    }

    private boolean take(String path, Position position) {
      if (left <= 0 || path.length() > MAX_PATH) {
        return false;
      }
      left--;
      fields.put(path, position);
      return true;
    }
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

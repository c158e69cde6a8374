package io.signetmesh.crds.manifest;

import org.jspecify.annotations.Nullable;

/** Finds where the field of a path such as {@code spec.networks[0].cidr} stands in a document. */
final class FieldPositions {
  private FieldPositions() {}

  /** Position of the field, or of the innermost one around it that the document has. */
  static Position find(YamlNode root, String path) {
    YamlNode node = root;
    Position position = root.position();
    int at = 0;
    while (at < path.length()) {
      char c = path.charAt(at);
      if (c == '.') {
        at++;
        continue;
      }
      String name;
      int index = -1;
      if (c == '[') {
        int end = closing(path, at);
        if (end < 0) {
          return position;
        }
        name = path.substring(at + 1, end);
        if (name.startsWith("\"")) {
          name = name.substring(1, Math.max(1, name.length() - 1));
        } else {
          index = number(name);
        }
        at = end + 1;
      } else {
        int end = at;
        while (end < path.length() && path.charAt(end) != '.' && path.charAt(end) != '[') {
          end++;
        }
        name = path.substring(at, end);
        at = end;
      }
      if (index >= 0
          && node instanceof YamlNode.Sequence sequence
          && index < sequence.items().size()) {
        node = sequence.items().get(index);
        position = node.position();
      } else if (index < 0 && node instanceof YamlNode.Mapping mapping) {
        YamlNode.Entry entry = entry(mapping, name);
        if (entry == null) {
          return position;
        }
        node = entry.value();
        position = node instanceof YamlNode.Scalar ? node.position() : entry.position();
      } else {
        return position;
      }
    }
    return position;
  }

  /** Whether the field under these keys is written. */
  static boolean has(YamlNode root, String... keys) {
    YamlNode node = root;
    for (String key : keys) {
      YamlNode.Entry entry = node instanceof YamlNode.Mapping mapping ? entry(mapping, key) : null;
      if (entry == null) {
        return false;
      }
      node = entry.value();
    }
    return true;
  }

  private static YamlNode.@Nullable Entry entry(YamlNode.Mapping mapping, String name) {
    for (YamlNode.Entry entry : mapping.entries()) {
      if (entry.key().equals(name)) {
        return entry;
      }
    }
    return null;
  }

  private static int closing(String path, int open) {
    if (!path.startsWith("\"", open + 1)) {
      return path.indexOf(']', open);
    }
    int quote = path.indexOf("\"]", open + 2);
    return quote < 0 ? -1 : quote + 1;
  }

  private static int number(String digits) {
    try {
      return Integer.parseInt(digits);
    } catch (NumberFormatException e) {
      return -1;
    }
  }
}

package io.signetmesh.crds.manifest;

import java.util.HashMap;
import java.util.Map;
import java.util.TreeSet;

/**
 * Fields of an object that could not be read. Each has a finding already. In the object, such a
 * field holds a placeholder (its default, null, an empty string or 0), so no rule may report it.
 * Paths are those of the model, such as {@code spec.networks[0].cidr}. An object with too many
 * unread fields (10,000) counts as unread as a whole.
 */
public final class UnreadFields {
  /** All fields were read. */
  public static final UnreadFields NONE = new UnreadFields();

  /** Stands for something about an object or a list as a whole: no field has this name. */
  private static final String PART = "?";

  /** Bounds what is kept of an object of garbage: each field has an error, the object is lost. */
  private static final int MAX_PATHS = 10_000;

  private static final int MAX_CHARACTERS = 1_000_000;

  private final TreeSet<String> paths = new TreeSet<>();
  private final Map<String, String> renamed = new HashMap<>();
  private int characters;
  private boolean everything;

  UnreadFields() {}

  /** The field at this path, and so all of what is below it, is not known. */
  void add(String path) {
    keep(inModel(path));
  }

  /** Something is wrong with the object or list as a whole; what is in it can be known. */
  void addPartOf(String path) {
    keep(path.isEmpty() ? PART : inModel(path) + "." + PART);
  }

  /** Nothing of the object is known. */
  void addEverything() {
    everything = true;
    paths.clear();
  }

  /** The manifest has another name for the field than the model. */
  void rename(String inManifest, String inModel) {
    renamed.put(inManifest, inModel);
  }

  /** Whether all of the object was read. */
  boolean isEmpty() {
    return paths.isEmpty() && !everything;
  }

  /** Whether all of these fields were read completely, as {@link #isRead} says. */
  public boolean areRead(Iterable<String> fields) {
    for (String field : fields) {
      if (!isRead(field)) {
        return false;
      }
    }
    return true;
  }

  /**
   * Whether the field was read completely: the field, everything in it, and the fields that enclose
   * it. A field that is not written counts as read.
   *
   * @param field path in the model
   */
  public boolean isRead(String field) {
    if (isEmpty()) {
      return true;
    }
    if (everything || field.isEmpty()) {
      return false;
    }
    for (int i = 1; i <= field.length(); i++) {
      boolean boundary = i == field.length() || field.charAt(i) == '.' || field.charAt(i) == '[';
      if (boundary && paths.contains(field.substring(0, i))) {
        return false;
      }
    }
    return !hasBelow(field + ".") && !hasBelow(field + "[");
  }

  /** The path that the manifest has for a path of the model. */
  String inManifest(String path) {
    for (Map.Entry<String, String> name : renamed.entrySet()) {
      if (isIn(path, name.getValue())) {
        return name.getKey() + path.substring(name.getValue().length());
      }
    }
    return path;
  }

  private String inModel(String path) {
    for (Map.Entry<String, String> name : renamed.entrySet()) {
      if (isIn(path, name.getKey())) {
        return name.getValue() + path.substring(name.getKey().length());
      }
    }
    return path;
  }

  private void keep(String path) {
    if (everything || !paths.add(path)) {
      return;
    }
    characters += path.length();
    if (paths.size() > MAX_PATHS || characters > MAX_CHARACTERS) {
      addEverything();
    }
  }

  private boolean hasBelow(String prefix) {
    String next = paths.ceiling(prefix);
    return next != null && next.startsWith(prefix);
  }

  private static boolean isIn(String path, String field) {
    return path.startsWith(field)
        && (path.length() == field.length()
            || path.charAt(field.length()) == '.'
            || path.charAt(field.length()) == '[');
  }
}

package io.signetmesh.crds.manifest;

import java.util.List;
import java.util.Optional;

/** A value of a YAML document and where it stands. */
sealed interface YamlNode {
  /** Where the value starts. */
  Position position();

  /** What a reader would call this: "a string", "a list". */
  String description();

  /** What a scalar is. */
  enum Type {
    NULL("nothing"),
    BOOLEAN("a boolean"),
    INTEGER("a number"),
    FLOAT("a number with a fraction"),
    STRING("a string"),
    /** A string to YAML 1.2, a boolean to YAML 1.1: yes, no, on, off. */
    LEGACY_BOOLEAN("an unquoted word that some readers take for a boolean"),
    /** Decimal to YAML 1.2, octal to YAML 1.1. */
    LEADING_ZERO("a number with a leading zero, which some readers take for octal");

    private final String description;

    Type(String description) {
      this.description = description;
    }
  }

  /**
   * A scalar.
   *
   * @param text its text, without quotes
   */
  record Scalar(Position position, Type type, String text) implements YamlNode {
    @Override
    public String description() {
      return type.description;
    }

    /** Whether it is taken for a string. */
    boolean isText() {
      return type == Type.STRING || type == Type.LEGACY_BOOLEAN;
    }
  }

  /** A sequence. */
  record Sequence(Position position, List<YamlNode> items) implements YamlNode {
    @Override
    public String description() {
      return "a list";
    }
  }

  /** A mapping; keys are in the order of the document and none is there twice. */
  record Mapping(Position position, List<Entry> entries) implements YamlNode {
    @Override
    public String description() {
      return "an object";
    }

    /** The value of a key. */
    Optional<YamlNode> value(String key) {
      for (Entry entry : entries) {
        if (entry.key().equals(key)) {
          return Optional.of(entry.value());
        }
      }
      return Optional.empty();
    }

    /** The value of a key where it is text, and not empty. */
    Optional<String> text(String key) {
      return value(key)
          .filter(
              node -> node instanceof Scalar scalar && scalar.isText() && !scalar.text().isEmpty())
          .map(node -> ((Scalar) node).text());
    }
  }

  /**
   * One key of a mapping with its value.
   *
   * @param position where the key stands
   */
  record Entry(Position position, String key, YamlNode value) {}
}

package io.signetmesh.jwt.jose;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A value of JSON (RFC 8259). Immutable. */
public sealed interface JsonValue {
  /**
   * An object.
   *
   * @param values by name, in the order of the text
   * @param duplicate whether a name is there twice; {@link StrictJson#parse} refuses those
   */
  record Members(Map<String, JsonValue> values, boolean duplicate) implements JsonValue {
    /** The member of a name; null without one. */
    public @Nullable JsonValue get(String name) {
      return values.get(name);
    }

    /** The text of a name; null when there is no member, or one that is no text. */
    public @Nullable String text(String name) {
      return values.get(name) instanceof Text(String text) ? text : null;
    }
  }

  /** An array. */
  record Elements(List<JsonValue> values) implements JsonValue {}

  /** A text; well-formed UTF-16. */
  record Text(String value) implements JsonValue {}

  /**
   * A number as it was written.
   *
   * @param text at most {@link StrictJson#MAX_NUMBER} characters, an exponent of at most 3 digits
   */
  record Numeral(String text) implements JsonValue {}

  /** True or false. */
  record Truth(boolean value) implements JsonValue {}

  /** Null. */
  record Nothing() implements JsonValue {}
}

package io.signetmesh.crds.token;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import java.math.BigDecimal;

/**
 * A value that a claim is compared with.
 *
 * @param type its type, as the manifest writes it: {@code "1"} is a text, {@code 1} is a number
 * @param text the text; of a number its shortest form, so that {@code 1} and {@code 1.0} are equal;
 *     of a boolean {@code true} or {@code false}
 */
public record ClaimValue(Type type, String text) {
  /** Digits after, and zeros before, the decimal point of a number. */
  private static final int MAX_SCALE = 300;

  /** Types of values. */
  public enum Type {
    /** A text. */
    TEXT,
    /** A number. */
    NUMBER,
    /** A boolean. */
    BOOLEAN
  }

  /** A text. */
  public static ClaimValue of(String text) {
    return new ClaimValue(Type.TEXT, text);
  }

  /**
   * A number.
   *
   * @throws IllegalArgumentException when its exponent is beyond 300
   */
  public static ClaimValue of(BigDecimal number) {
    BigDecimal shortest = number.stripTrailingZeros();
    if (Math.abs((long) shortest.scale()) > MAX_SCALE) {
      throw new IllegalArgumentException(number + " is too large or too small a number");
    }
    return new ClaimValue(Type.NUMBER, shortest.toString());
  }

  /** A boolean. */
  public static ClaimValue of(boolean truth) {
    return new ClaimValue(Type.BOOLEAN, Boolean.toString(truth));
  }

  /**
   * Reads JSON.
   *
   * @throws IllegalArgumentException when it is no text, number or boolean
   */
  @JsonCreator(mode = JsonCreator.Mode.DELEGATING)
  public static ClaimValue of(JsonNode node) {
    return switch (node.getNodeType()) {
      case STRING -> of(node.textValue());
      case NUMBER -> of(node.decimalValue());
      case BOOLEAN -> of(node.booleanValue());
      default ->
          throw new IllegalArgumentException(
              "expected a text, a number or a boolean, found " + node.getNodeType());
    };
  }

  /** The value as JSON. */
  @JsonValue
  public JsonNode toJson() {
    JsonNodeFactory json = JsonNodeFactory.instance;
    return switch (type) {
      case TEXT -> json.textNode(text);
      case NUMBER -> json.numberNode(new BigDecimal(text));
      case BOOLEAN -> json.booleanNode(text.equals("true"));
    };
  }

  /** The value as JSON writes it: {@code "a"}, {@code 1}, {@code true}. */
  @Override
  public String toString() {
    return type == Type.TEXT ? toJson().toString() : text;
  }
}

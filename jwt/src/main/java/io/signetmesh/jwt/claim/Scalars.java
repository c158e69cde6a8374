package io.signetmesh.jwt.claim;

import io.signetmesh.jwt.jose.JsonText;
import io.signetmesh.jwt.jose.JsonValue;
import io.signetmesh.jwt.jose.MalformedException;
import io.signetmesh.jwt.jose.StrictJson;
import io.signetmesh.v1.ClaimValue;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Texts, numbers and booleans that claims are compared with. Values of different types are never
 * equal; numbers are equal by value. Immutable.
 */
final class Scalars {
  private static final int SHOWN = 8;

  /** What each is for people, by what it is when compared: String, BigDecimal or Boolean. */
  private final Map<Object, String> values;

  private Scalars(Map<Object, String> values) {
    this.values = values;
  }

  /** Refuses values that are none. */
  static Scalars of(List<ClaimValue> list) {
    Map<Object, String> values = new LinkedHashMap<>();
    for (ClaimValue value : list) {
      switch (value.getKindCase()) {
        case TEXT -> values.put(value.getText(), JsonText.quoted(value.getText()));
        case NUMBER -> values.put(number(value.getNumber()), value.getNumber());
        case TRUTH -> values.put(value.getTruth(), String.valueOf(value.getTruth()));
        case KIND_NOT_SET -> throw new IllegalArgumentException("value of unknown type");
      }
    }
    if (values.isEmpty()) {
      throw new IllegalArgumentException("no values: expected at least one");
    }
    return new Scalars(values);
  }

  private static BigDecimal number(String text) {
    try {
      if (StrictJson.parse(text.getBytes(StandardCharsets.UTF_8))
          instanceof JsonValue.Numeral number) {
        return number(number);
      }
    } catch (MalformedException e) {
      throw new IllegalArgumentException(
          "number " + JsonText.quoted(text) + ": " + e.getMessage(), e);
    }
    throw new IllegalArgumentException("number " + JsonText.quoted(text) + ": not a number");
  }

  /** Equal numbers have one form. Cheap, because the text and its exponent are bounded. */
  private static BigDecimal number(JsonValue.Numeral number) {
    return new BigDecimal(number.text()).stripTrailingZeros();
  }

  /** What a value is when compared; null for what is no scalar. */
  private static @Nullable Object comparable(JsonValue value) {
    return switch (value) {
      case JsonValue.Text(String text) -> text;
      case JsonValue.Numeral number -> number(number);
      case JsonValue.Truth(boolean truth) -> truth;
      case JsonValue.Members members -> null;
      case JsonValue.Elements elements -> null;
      case JsonValue.Nothing nothing -> null;
    };
  }

  /** Whether a value is one of these. */
  boolean contains(JsonValue value) {
    Object comparable = comparable(value);
    return comparable != null && values.containsKey(comparable);
  }

  /** Whether all of these are among some values. */
  boolean allIn(List<JsonValue> some) {
    Set<Object> there = some.stream().map(Scalars::comparable).collect(Collectors.toSet());
    return there.containsAll(values.keySet());
  }

  /** Number of different values. */
  int size() {
    return values.size();
  }

  /** For people: the values as JSON, the first few of many. */
  @Override
  public String toString() {
    String shown = values.values().stream().limit(SHOWN).collect(Collectors.joining(", "));
    return values.size() > SHOWN ? shown + " and " + (values.size() - SHOWN) + " more" : shown;
  }
}

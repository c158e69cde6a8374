package io.signetmesh.jwt.jose;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Reads JSON (RFC 8259) so that nobody can read the same text differently: strict UTF-8 without a
 * byte order mark, no name twice in an object at any depth, no half of a surrogate pair, nothing
 * after the value, bounded depth and numbers (RFC 7493, RFC 8725 section 2.6). Time and memory are
 * linear in the text.
 */
public final class StrictJson {
  /** Deepest nesting of objects and arrays. */
  public static final int MAX_DEPTH = 32;

  /** Longest number, in characters. */
  public static final int MAX_NUMBER = 64;

  private static final int MAX_EXPONENT = 3;
  private static final JsonValue.Truth TRUE = new JsonValue.Truth(true);
  private static final JsonValue.Truth FALSE = new JsonValue.Truth(false);
  private static final JsonValue.Nothing NULL = new JsonValue.Nothing();

  /** Names of strangers are neither interned nor kept in a table of symbols. */
  private static final JsonFactory FACTORY =
      JsonFactory.builder()
          .disable(JsonFactory.Feature.INTERN_FIELD_NAMES)
          .disable(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES)
          .streamReadConstraints(
              StreamReadConstraints.builder()
                  .maxNestingDepth(MAX_DEPTH)
                  .maxNumberLength(MAX_NUMBER)
                  .build())
          .build();

  private final JsonParser parser;
  private final boolean duplicates;

  private StrictJson(JsonParser parser, boolean duplicates) {
    this.parser = parser;
    this.duplicates = duplicates;
  }

  /**
   * Reads a value.
   *
   * @throws MalformedException when the bytes are anything but one value
   */
  public static JsonValue parse(byte[] bytes) throws MalformedException {
    return parse(decode(bytes), false);
  }

  /**
   * Reads a value in which objects may have a name twice: {@link JsonValue.Members#duplicate} says
   * so, for a reader who refuses only that object.
   *
   * @throws MalformedException when the text is anything but one value
   */
  public static JsonValue parseMarked(String text) throws MalformedException {
    return parse(text, true);
  }

  private static JsonValue parse(String text, boolean duplicates) throws MalformedException {
    try (JsonParser parser = FACTORY.createParser(text)) {
      parser.nextToken();
      JsonValue value = new StrictJson(parser, duplicates).value();
      if (parser.nextToken() != null) {
        throw new MalformedException("something follows the JSON value");
      }
      return value;
    } catch (JsonProcessingException e) {
      // Its message quotes the text.
      throw new MalformedException(
          "not JSON" + (e.getLocation() == null ? "" : " at character " + at(e)));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static long at(JsonProcessingException e) {
    return Math.max(0, e.getLocation().getCharOffset()) + 1;
  }

  /** Reads the value that begins with the current token. */
  private JsonValue value() throws IOException, MalformedException {
    JsonToken token = parser.currentToken();
    if (token == null) {
      throw new MalformedException("JSON text without a value");
    }
    return switch (token) {
      case START_OBJECT -> members();
      case START_ARRAY -> elements();
      case VALUE_STRING -> new JsonValue.Text(wellFormed(parser.getText()));
      case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT -> new JsonValue.Numeral(bounded(parser.getText()));
      case VALUE_TRUE -> TRUE;
      case VALUE_FALSE -> FALSE;
      case VALUE_NULL -> NULL;
      default -> throw new MalformedException("not JSON");
    };
  }

  private JsonValue.Members members() throws IOException, MalformedException {
    Map<String, JsonValue> values = new LinkedHashMap<>();
    boolean duplicate = false;
    while (parser.nextToken() == JsonToken.FIELD_NAME) {
      String name = wellFormed(parser.currentName());
      parser.nextToken();
      if (values.putIfAbsent(name, value()) != null) {
        if (!duplicates) {
          throw new MalformedException("an object has a name twice");
        }
        duplicate = true;
      }
    }
    return new JsonValue.Members(Collections.unmodifiableMap(values), duplicate);
  }

  private JsonValue.Elements elements() throws IOException, MalformedException {
    List<JsonValue> values = new ArrayList<>();
    while (parser.nextToken() != JsonToken.END_ARRAY) {
      values.add(value());
    }
    return new JsonValue.Elements(Collections.unmodifiableList(values));
  }

  /** Refuses numbers that are expensive to compute with. */
  private static String bounded(String number) throws MalformedException {
    if (number.length() > MAX_NUMBER) {
      throw new MalformedException("number of more than " + MAX_NUMBER + " characters");
    }
    int exponent = Math.max(number.indexOf('e'), number.indexOf('E'));
    if (exponent >= 0) {
      int digits = exponent + 1;
      if (number.charAt(digits) == '+' || number.charAt(digits) == '-') {
        digits++;
      }
      if (number.length() - digits > MAX_EXPONENT) {
        throw new MalformedException("exponent of more than " + MAX_EXPONENT + " digits");
      }
    }
    return number;
  }

  /** Refuses a half of a surrogate pair, which no text in UTF-8 has. */
  private static String wellFormed(@Nullable String text) throws MalformedException {
    if (text == null) {
      throw new MalformedException("not JSON");
    }
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (Character.isSurrogate(c)) {
        i++;
        if (Character.isLowSurrogate(c)
            || i == text.length()
            || !Character.isLowSurrogate(text.charAt(i))) {
          throw new MalformedException("text with half of a surrogate pair");
        }
      }
    }
    return text;
  }

  private static String decode(byte[] bytes) throws MalformedException {
    for (byte octet : bytes) {
      if (octet < 0) {
        return decodeBeyondAscii(bytes);
      }
    }
    return new String(bytes, StandardCharsets.ISO_8859_1);
  }

  /** A byte order mark stays in the text, where it is no JSON. */
  private static String decodeBeyondAscii(byte[] bytes) throws MalformedException {
    try {
      // A new decoder reports what is malformed: overlong forms and surrogates among it.
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
    } catch (CharacterCodingException e) {
      throw new MalformedException("not UTF-8");
    }
  }
}

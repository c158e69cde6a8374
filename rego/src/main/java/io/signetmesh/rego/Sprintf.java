package io.signetmesh.rego;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.RoundingMode;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * The built-in function {@code sprintf} of Rego, as Open Policy Agent has it: the verbs {@code s v
 * d x X q f} and {@code %%} of Go's {@code fmt}, with the flags {@code + - 0} and blank, a width
 * and a precision. A set is shown as an array. Anything else ends the policy.
 */
final class Sprintf {
  private static final int MOST = 64 << 10;
  private static final int MOST_WIDTH = 256;
  private static final int MOST_DEPTH = 100;

  private static final JsonFactory JSON = new JsonFactory();

  private final String format;
  private final List<Object> values;
  private final StringBuilder out = new StringBuilder();
  private int at;
  private int next;

  private Sprintf(String format, List<Object> values) {
    this.format = format;
    this.values = values;
  }

  /**
   * @param format a JSON string
   * @param values a JSON array
   * @throws IllegalArgumentException when they are something else, or the format is not understood
   */
  static String format(byte[] format, byte[] values) {
    try (JsonParser text = JSON.createParser(format);
        JsonParser array = JSON.createParser(values)) {
      if (text.nextToken() != JsonToken.VALUE_STRING
          || array.nextToken() != JsonToken.START_ARRAY) {
        throw new IllegalArgumentException("sprintf takes a string and an array");
      }
      List<Object> all = new ArrayList<>();
      while (array.nextToken() != JsonToken.END_ARRAY) {
        all.add(value(array));
      }
      return new Sprintf(text.getText(), all).format();
    } catch (IOException e) {
      throw new IllegalArgumentException("sprintf got no JSON", e);
    }
  }

  private static Object value(JsonParser in) throws IOException {
    return switch (in.currentToken()) {
      case VALUE_STRING -> in.getText();
      case VALUE_NUMBER_INT -> new BigInteger(in.getText());
      case VALUE_NUMBER_FLOAT -> number(in.getText());
      default -> {
        StringBuilder out = new StringBuilder();
        term(in, out, 0);
        yield out.toString();
      }
    };
  }

  private static Object number(String text) {
    double value = Double.parseDouble(text);
    return Double.isInfinite(value) ? text : value;
  }

  /** A value as Rego writes it: members in the order of their names. */
  private static void term(JsonParser in, StringBuilder out, int depth) throws IOException {
    if (depth > MOST_DEPTH) {
      throw new IllegalArgumentException("sprintf got a value that is nested too deeply");
    }
    check(out);
    switch (in.currentToken()) {
      case START_ARRAY -> {
        out.append('[');
        for (String comma = ""; in.nextToken() != JsonToken.END_ARRAY; comma = ", ") {
          out.append(comma);
          term(in, out, depth + 1);
        }
        out.append(']');
      }
      case START_OBJECT -> {
        Map<String, String> members = new TreeMap<>();
        while (in.nextToken() != JsonToken.END_OBJECT) {
          String name = in.currentName();
          in.nextToken();
          StringBuilder value = new StringBuilder();
          term(in, value, depth + 1);
          members.put(name, value.toString());
        }
        out.append('{');
        String comma = "";
        for (Map.Entry<String, String> member : members.entrySet()) {
          out.append(comma).append(quoted(member.getKey())).append(": ").append(member.getValue());
          comma = ", ";
        }
        out.append('}');
      }
      case VALUE_STRING -> out.append(quoted(in.getText()));
      default -> out.append(in.getText());
    }
    check(out);
  }

  private String format() {
    while (at < format.length()) {
      char c = format.charAt(at++);
      if (c == '%') {
        verb();
      } else {
        out.append(c);
      }
      check(out);
    }
    if (next < values.size()) {
      out.append("%!(EXTRA ");
      for (int i = next; i < values.size(); i++) {
        out.append(i > next ? ", " : "").append(typed(values.get(i)));
        check(out);
      }
      out.append(')');
    }
    check(out);
    return out.toString();
  }

  private static void check(StringBuilder out) {
    if (out.length() > MOST) {
      throw new IllegalArgumentException("sprintf makes more than 65536 characters");
    }
  }

  private void verb() {
    boolean left = false;
    boolean plus = false;
    boolean blank = false;
    boolean zeros = false;
    for (; at < format.length(); at++) {
      char flag = format.charAt(at);
      if (flag == '-') {
        left = true;
      } else if (flag == '+') {
        plus = true;
      } else if (flag == ' ') {
        blank = true;
      } else if (flag == '0') {
        zeros = true;
      } else {
        break;
      }
    }
    int width = digits();
    int precision = -1;
    if (at < format.length() && format.charAt(at) == '.') {
      at++;
      precision = digits();
    }
    if (at == format.length()) {
      out.append("%!(NOVERB)");
      return;
    }
    int verb = format.codePointAt(at);
    at += Character.charCount(verb);
    if (verb == '%') {
      out.append('%');
      return;
    }
    if (next == values.size()) {
      out.append("%!").appendCodePoint(verb).append("(MISSING)");
      return;
    }
    String text = text(verb, values.get(next++), precision, plus, blank);
    int fill = width - text.codePointCount(0, text.length());
    if (fill <= 0) {
      out.append(text);
    } else if (left) {
      out.append(text).repeat(' ', fill);
    } else if (zeros) {
      boolean sign = !text.isEmpty() && "+- ".indexOf(text.charAt(0)) >= 0 && verb != 's';
      out.append(sign ? text.substring(0, 1) : "").repeat('0', fill);
      out.append(sign ? text.substring(1) : text);
    } else {
      out.repeat(' ', fill).append(text);
    }
  }

  private int digits() {
    int value = 0;
    for (; at < format.length(); at++) {
      char c = format.charAt(at);
      if (c < '0' || c > '9') {
        break;
      }
      value = value * 10 + c - '0';
      if (value > MOST_WIDTH) {
        throw new IllegalArgumentException("sprintf has a width of more than 256");
      }
    }
    return value;
  }

  private static String text(int verb, Object value, int precision, boolean plus, boolean blank) {
    String text = bare(verb, value, precision);
    if (text == null) {
      return "%!" + Character.toString(verb) + "(" + typed(value) + ")";
    }
    if (value instanceof String) {
      boolean cut =
          precision >= 0 && verb != 'q' && text.codePointCount(0, text.length()) > precision;
      return cut ? text.substring(0, text.offsetByCodePoints(0, precision)) : text;
    }
    if (text.startsWith("-")) {
      return text;
    }
    String sign = plus ? "+" : blank ? " " : "";
    return sign + text;
  }

  /** The text without sign and cut; null when the verb is for values of other kinds. */
  private static @Nullable String bare(int verb, Object value, int precision) {
    if (verb == 'v') {
      return value instanceof Double d ? shortest(d) : value.toString();
    }
    if (verb == 'x' || verb == 'X') {
      String hex = hex(value);
      return hex != null && verb == 'X' ? hex.toUpperCase(Locale.ROOT) : hex;
    }
    if (verb == 's' && value instanceof String s) {
      return s;
    }
    if (verb == 'q' && value instanceof String s) {
      return quoted(s);
    }
    if (verb == 'd' && value instanceof BigInteger i) {
      return i.toString();
    }
    if (verb == 'f' && value instanceof Double d) {
      return fixed(d, precision < 0 ? 6 : precision);
    }
    if ("sqdf".indexOf(verb) < 0) {
      throw new IllegalArgumentException(
          "sprintf has the verb %%%s: expected one of s v d x X q f"
              .formatted(Character.toString(verb)));
    }
    return null;
  }

  private static @Nullable String hex(Object value) {
    if (value instanceof BigInteger i) {
      return i.toString(16);
    }
    if (value instanceof String s) {
      return java.util.HexFormat.of()
          .formatHex(s.getBytes(java.nio.charset.StandardCharsets.UTF_8));
    }
    return null;
  }

  private static String typed(Object value) {
    return switch (value) {
      case Double d -> "float64=" + shortest(d);
      case BigInteger i -> (i.bitLength() < 64 ? "int64=" : "*big.Int=") + i;
      default -> "string=" + value;
    };
  }

  private static String fixed(double value, int precision) {
    return new BigDecimal(value).setScale(precision, RoundingMode.HALF_EVEN).toPlainString();
  }

  /** Go's {@code %v} of a number: as few digits as tell it from others. */
  private static String shortest(double value) {
    BigDecimal decimal = new BigDecimal(Double.toString(value)).stripTrailingZeros();
    int exponent = decimal.precision() - decimal.scale() - 1;
    if (decimal.signum() == 0 || (exponent >= -4 && exponent < 21)) {
      return decimal.toPlainString();
    }
    String digits = decimal.unscaledValue().abs().toString();
    return (decimal.signum() < 0 ? "-" : "")
        + digits.charAt(0)
        + (digits.length() > 1 ? "." + digits.substring(1) : "")
        + (exponent < 0 ? "e-" : "e+")
        + (Math.abs(exponent) < 10 ? "0" : "")
        + Math.abs(exponent);
  }

  private static String quoted(String text) {
    StringBuilder out = new StringBuilder("\"");
    for (int i = 0; i < text.length(); ) {
      int c = text.codePointAt(i);
      i += Character.charCount(c);
      switch (c) {
        case '"' -> out.append("\\\"");
        case '\\' -> out.append("\\\\");
        case '\n' -> out.append("\\n");
        case '\r' -> out.append("\\r");
        case '\t' -> out.append("\\t");
        default -> {
          if (c < ' ' || c == 0x7f) {
            out.append("\\x").append("%02x".formatted(c));
          } else {
            out.appendCodePoint(c);
          }
        }
      }
    }
    return out.append('"').toString();
  }
}

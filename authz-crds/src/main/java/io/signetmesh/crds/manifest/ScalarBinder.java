package io.signetmesh.crds.manifest;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import io.fabric8.kubernetes.api.model.IntOrString;
import io.fabric8.kubernetes.api.model.Quantity;
import io.signetmesh.crds.network.IpLiteral;
import io.signetmesh.crds.schema.TextFormat;
import io.signetmesh.crds.text.NearestName;
import io.signetmesh.crds.text.Quoted;
import io.signetmesh.crds.token.ClaimValue;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Holds strings, numbers, booleans and values of enumerations to their type and limits. What does
 * not fit is reported, and its field is one of the unread.
 */
final class ScalarBinder {
  private static final JsonNodeFactory JSON = JsonNodeFactory.instance;
  private static final BigInteger INT_MIN = BigInteger.valueOf(Integer.MIN_VALUE);
  private static final BigInteger INT_MAX = BigInteger.valueOf(Integer.MAX_VALUE);
  private static final BigInteger LONG_MIN = BigInteger.valueOf(Long.MIN_VALUE);
  private static final BigInteger LONG_MAX = BigInteger.valueOf(Long.MAX_VALUE);

  private static final Set<Class<?>> SCALARS =
      Set.of(
          IntOrString.class,
          Quantity.class,
          ClaimValue.class,
          String.class,
          Boolean.class,
          boolean.class,
          Integer.class,
          int.class,
          Long.class,
          long.class,
          Double.class,
          double.class,
          Float.class,
          float.class);

  private final DocumentFindings findings;
  private final UnreadFields unread;

  ScalarBinder(DocumentFindings findings, UnreadFields unread) {
    this.findings = findings;
    this.unread = unread;
  }

  /** Whether {@link #bind} takes values of a type. */
  static boolean isScalar(Class<?> type) {
    return SCALARS.contains(type);
  }

  /** The value in the form of the model; null when it does not fit. */
  @Nullable JsonNode bind(
      YamlNode node, Class<?> raw, ObjectSchema.Limits limits, String path, boolean own) {
    if (raw == IntOrString.class) {
      return scalar(
          node,
          path,
          own,
          "a number or a string",
          Set.of(YamlNode.Type.INTEGER, YamlNode.Type.STRING, YamlNode.Type.LEGACY_BOOLEAN),
          text -> intOrText(node, text, path));
    }
    if (raw == Quantity.class) {
      return scalar(
          node,
          path,
          own,
          "a quantity (such as 500m or 2Gi)",
          Set.of(YamlNode.Type.INTEGER, YamlNode.Type.FLOAT, YamlNode.Type.STRING),
          JSON::textNode);
    }
    if (raw == ClaimValue.class) {
      return typed(node, path, own);
    }
    if (raw == String.class) {
      return text(node, limits, path, own);
    }
    if (raw == Boolean.class || raw == boolean.class) {
      return scalar(
          node,
          path,
          own,
          "true or false",
          Set.of(YamlNode.Type.BOOLEAN),
          text -> JSON.booleanNode(text.equalsIgnoreCase("true")));
    }
    if (raw == Integer.class || raw == int.class || raw == Long.class || raw == long.class) {
      boolean wide = raw == Long.class || raw == long.class;
      return scalar(
          node,
          path,
          own,
          "a whole number",
          Set.of(YamlNode.Type.INTEGER),
          text -> integer(node, text, wide, limits, path));
    }
    return scalar(
        node,
        path,
        own,
        "a number",
        Set.of(YamlNode.Type.INTEGER, YamlNode.Type.FLOAT),
        text -> decimal(node, text, path));
  }

  /** A text, a number or a boolean, each kept as what it is. */
  private @Nullable JsonNode typed(YamlNode node, String path, boolean own) {
    if (!(node instanceof YamlNode.Scalar scalar)) {
      refuse(
          node.position(),
          path,
          "expected a string, a number or a boolean, found " + node.description());
      return null;
    }
    return switch (scalar.type()) {
      case STRING, LEGACY_BOOLEAN -> text(node, ObjectSchema.Limits.NONE, path, own);
      case BOOLEAN -> JSON.booleanNode(scalar.text().equalsIgnoreCase("true"));
      case INTEGER, FLOAT -> exact(node, scalar.text(), path);
      case NULL, LEADING_ZERO ->
          scalar(
              node,
              path,
              own,
              "a string, a number or a boolean",
              Set.of(YamlNode.Type.STRING),
              JSON::textNode);
    };
  }

  /** A number with all of its digits. */
  private @Nullable JsonNode exact(YamlNode node, String text, String path) {
    try {
      BigInteger whole = text.startsWith("0x") || text.startsWith("0o") ? parseInteger(text) : null;
      if (text.length() <= 40) {
        BigDecimal number = whole == null ? new BigDecimal(text) : new BigDecimal(whole);
        return JSON.numberNode(new BigDecimal(ClaimValue.of(number).text()));
      }
    } catch (IllegalArgumentException e) {
      // Told below.
    }
    refuse(node.position(), path, Quoted.text(text) + " is not a number that a claim can have");
    return null;
  }

  private @Nullable JsonNode text(
      YamlNode node, ObjectSchema.Limits limits, String path, boolean own) {
    JsonNode text =
        scalar(
            node,
            path,
            own,
            "a string",
            Set.of(YamlNode.Type.STRING, YamlNode.Type.LEGACY_BOOLEAN),
            JSON::textNode);
    if (text == null) {
      return null;
    }
    String value = text.textValue();
    if (node instanceof YamlNode.Scalar scalar && scalar.type() == YamlNode.Type.LEGACY_BOOLEAN) {
      findings.warning(
          node.position(),
          path,
          "Kubernetes takes an unquoted " + value + " for a boolean: put it in quotes");
    }
    int length = value.codePointCount(0, value.length());
    if (length < limits.minLength() || length > limits.maxLength()) {
      refuse(
          node.position(),
          path,
          "has %d characters, expected %d to %d"
              .formatted(length, limits.minLength(), limits.maxLength()));
      return null;
    }
    TextFormat format = limits.format();
    if (format != null
        && !(format.matches(value) && (format != TextFormat.IP || IpLiteral.isValid(value)))) {
      refuse(node.position(), path, Quoted.text(value) + " is not " + format.description());
      return null;
    }
    if (!limits.only().isEmpty() && !limits.only().contains(value)) {
      refuse(node.position(), path, notOneOf(value, limits.only()));
      return null;
    }
    return text;
  }

  /**
   * A value of an enumeration.
   *
   * @param all its values as manifests write them
   */
  @Nullable JsonNode constant(
      YamlNode node, List<String> all, ObjectSchema.Limits limits, String path) {
    List<String> names =
        all.stream()
            .filter(name -> limits.only().isEmpty() || limits.only().contains(name))
            .toList();
    if (!(node instanceof YamlNode.Scalar scalar)) {
      refuse(
          node.position(),
          path,
          "expected one of " + String.join(", ", names) + ", found " + node.description());
      return null;
    }
    if (scalar.type() == YamlNode.Type.NULL || !names.contains(scalar.text())) {
      refuse(node.position(), path, notOneOf(scalar.text(), names));
      return null;
    }
    return JSON.textNode(scalar.text());
  }

  private @Nullable JsonNode scalar(
      YamlNode node,
      String path,
      boolean own,
      String expected,
      Set<YamlNode.Type> types,
      Function<String, @Nullable JsonNode> read) {
    if (node instanceof YamlNode.Scalar scalar && types.contains(scalar.type())) {
      return read.apply(scalar.text());
    }
    boolean quotesHelp =
        types.contains(YamlNode.Type.STRING)
            && node instanceof YamlNode.Scalar scalar
            && scalar.type() != YamlNode.Type.NULL;
    String hint = quotesHelp ? " (put it in quotes)" : "";
    refuse(node.position(), path, "expected " + expected + ", found " + found(node, own) + hint);
    return null;
  }

  private @Nullable JsonNode intOrText(YamlNode node, String text, String path) {
    if (node instanceof YamlNode.Scalar scalar && scalar.type() == YamlNode.Type.INTEGER) {
      return integer(node, text, false, ObjectSchema.Limits.NONE, path);
    }
    return JSON.textNode(text);
  }

  /**
   * A whole number within its limits.
   *
   * @param wide of 64 bits, else of 32
   */
  @Nullable JsonNode integer(
      YamlNode node, String text, boolean wide, ObjectSchema.Limits limits, String path) {
    BigInteger value = parseInteger(text);
    BigInteger min = (wide ? LONG_MIN : INT_MIN).max(BigInteger.valueOf(limits.min()));
    BigInteger max = (wide ? LONG_MAX : INT_MAX).min(BigInteger.valueOf(limits.max()));
    if (value == null || value.compareTo(min) < 0 || value.compareTo(max) > 0) {
      refuse(
          node.position(),
          path,
          (text.length() > 40 ? "number of " + text.length() + " digits" : text)
              + " is not a number from "
              + min
              + " to "
              + max);
      return null;
    }
    return value.bitLength() < Integer.SIZE
        ? JSON.numberNode(value.intValueExact())
        : JSON.numberNode(value.longValueExact());
  }

  /** A finite number. */
  @Nullable JsonNode decimal(YamlNode node, String text, String path) {
    if (text.length() <= 40) {
      try {
        return JSON.numberNode(new BigDecimal(text).doubleValue());
      } catch (NumberFormatException e) {
        BigInteger whole = parseInteger(text);
        if (whole != null) {
          return JSON.numberNode(whole.doubleValue());
        }
      }
    }
    refuse(node.position(), path, Quoted.text(text) + " is not a finite number");
    return null;
  }

  private static @Nullable BigInteger parseInteger(String text) {
    if (text.length() > 40) {
      return null;
    }
    if (text.startsWith("0x")) {
      return new BigInteger(text.substring(2), 16);
    }
    return text.startsWith("0o") ? new BigInteger(text.substring(2), 8) : new BigInteger(text);
  }

  private void refuse(Position position, String path, String message) {
    findings.error(position, path, message);
    unread.add(path);
  }

  private static String notOneOf(String value, List<String> known) {
    return Quoted.text(value)
        + NearestName.hint(value, known)
        + " is not one of "
        + String.join(", ", known);
  }

  private static boolean isIp(String value) {
    return IpLiteral.isValid(value);
  }

  /** Values of Kubernetes models may be secret (environment variables) and are not shown. */
  static String found(YamlNode node, boolean own) {
    return own && node instanceof YamlNode.Scalar scalar && scalar.type() != YamlNode.Type.NULL
        ? node.description() + " " + Quoted.text(scalar.text())
        : node.description();
  }
}

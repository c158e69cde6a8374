package io.signetmesh.crds.manifest;

import com.fasterxml.jackson.databind.JavaType;
import com.fasterxml.jackson.databind.JsonDeserializer;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.annotation.JsonDeserialize;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.NullNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.fabric8.kubernetes.api.model.IntOrString;
import io.fabric8.kubernetes.api.model.Quantity;
import io.signetmesh.crds.network.IpLiteral;
import io.signetmesh.crds.schema.TextFormat;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Holds one document to the schema of its type: reports everything that does not fit, and gives the
 * document in the form of the model, with defaults filled in.
 */
final class Binder {
  /** Bounds what aliases can blow a document up to. */
  private static final int MAX_VALUES = 1_000_000;

  private static final JsonNodeFactory JSON = JsonNodeFactory.instance;
  private static final BigInteger INT_MIN = BigInteger.valueOf(Integer.MIN_VALUE);
  private static final BigInteger INT_MAX = BigInteger.valueOf(Integer.MAX_VALUE);
  private static final BigInteger LONG_MIN = BigInteger.valueOf(Long.MIN_VALUE);
  private static final BigInteger LONG_MAX = BigInteger.valueOf(Long.MAX_VALUE);

  private final JsonMapper mapper;
  private final VersionSchema schemas;
  private final DocumentFindings findings;
  private int values;

  Binder(JsonMapper mapper, VersionSchema schemas, DocumentFindings findings) {
    this.mapper = mapper;
    this.schemas = schemas;
    this.findings = findings;
  }

  /** The value in the form of the model; null when it does not fit, which has been reported. */
  @Nullable JsonNode bind(YamlNode node, JavaType type, String path) {
    return value(node, type, ObjectSchema.Limits.NONE, path, true);
  }

  /** Whether the value says nothing: as if its key were not there. */
  static boolean isAbsent(YamlNode node) {
    return node instanceof YamlNode.Scalar scalar && scalar.type() == YamlNode.Type.NULL;
  }

  private @Nullable JsonNode value(
      YamlNode node, JavaType type, ObjectSchema.Limits limits, String path, boolean own) {
    if (isTooMuch(node, path)) {
      return null;
    }
    Class<?> raw = type.getRawClass();
    if (type.isCollectionLikeType()) {
      return list(node, type, limits, path, own);
    }
    if (type.isMapLikeType()) {
      return map(node, type, path, own);
    }
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
    if (raw == Double.class || raw == double.class || raw == Float.class || raw == float.class) {
      return scalar(
          node,
          path,
          own,
          "a number",
          Set.of(YamlNode.Type.INTEGER, YamlNode.Type.FLOAT),
          text -> decimal(node, text, path));
    }
    if (raw.isEnum()) {
      return constant(node, raw, limits, path);
    }
    JsonDeserialize custom = raw.getAnnotation(JsonDeserialize.class);
    boolean free =
        raw == Object.class
            || raw.isInterface()
            || JsonNode.class.isAssignableFrom(raw)
            || (custom != null && custom.using() != JsonDeserializer.None.class);
    if (free) {
      return anything(node, path);
    }
    ObjectSchema schema = schemas.of(type);
    return schema.fields().isEmpty() && !schema.own()
        ? anything(node, path)
        : object(node, schema, path);
  }

  private @Nullable JsonNode object(YamlNode node, ObjectSchema schema, String path) {
    if (!(node instanceof YamlNode.Mapping mapping)) {
      findings.error(node.position(), path, "expected an object, found " + found(node, schema));
      return null;
    }
    ObjectNode bound = JSON.objectNode();
    Map<String, YamlNode.Entry> given = new HashMap<>();
    boolean fits = true;
    for (YamlNode.Entry entry : mapping.entries()) {
      ObjectSchema.Field field = schema.fields().get(entry.key());
      if (field == null) {
        findings.error(entry.position(), path, unknownField(entry.key(), schema));
        fits = false;
      } else if (isAbsent(entry.value())) {
        if (schema.own()) {
          findings.warning(
              entry.position(),
              child(path, entry.key()),
              "is given without a value, which is the same as leaving it out");
        }
      } else {
        given.put(entry.key(), entry);
        JsonNode value =
            value(
                entry.value(),
                field.type(),
                field.limits(),
                child(path, entry.key()),
                schema.own());
        if (value == null) {
          fits = false;
        } else {
          bound.set(field.component(), value);
        }
      }
    }
    for (Map.Entry<String, ObjectSchema.Field> entry : schema.fields().entrySet()) {
      ObjectSchema.Field field = entry.getValue();
      if (given.containsKey(entry.getKey())) {
        continue;
      }
      if (field.required()) {
        findings.error(
            mapping.position(), path, "required field " + Quoted.text(entry.getKey()) + " missing");
        fits = false;
      } else if (field.defaultValue() != null) {
        JsonNode value =
            value(
                field.defaultValue(),
                field.type(),
                field.limits(),
                child(path, entry.getKey()),
                true);
        if (value != null) {
          bound.set(field.component(), value);
        }
      }
    }
    return keepsRules(mapping, given, schema, path) && fits ? bound : null;
  }

  private boolean keepsRules(
      YamlNode.Mapping mapping,
      Map<String, YamlNode.Entry> given,
      ObjectSchema schema,
      String path) {
    boolean kept = true;
    if (schema.exactlyOneOf() != null) {
      List<String> served = served(schema.exactlyOneOf().value(), schema);
      List<String> present = served.stream().filter(given::containsKey).toList();
      if (present.size() > 1) {
        findings.error(
            Objects.requireNonNull(given.get(present.get(1))).position(),
            path,
            "fields " + names(present) + " exclude each other");
        kept = false;
      } else if (present.isEmpty()) {
        findings.error(
            mapping.position(),
            path,
            served.size() == 1
                ? "required field " + names(served) + " missing"
                : "one of the fields " + names(served) + " is required");
        kept = false;
      }
    }
    if (schema.atLeastOneOf() != null) {
      List<String> served = served(schema.atLeastOneOf().value(), schema);
      if (served.stream().noneMatch(given::containsKey)) {
        findings.error(
            mapping.position(),
            path,
            "at least one of the fields " + names(served) + " is required");
        kept = false;
      }
    }
    return (schema.union() == null || keepsUnion(schema.union().value(), given, schema, path))
        && kept;
  }

  private boolean keepsUnion(
      String selector, Map<String, YamlNode.Entry> given, ObjectSchema schema, String path) {
    YamlNode.Entry chosen = given.get(selector);
    ObjectSchema.Field field = schema.fields().get(selector);
    if (chosen == null
        || field == null
        || !(chosen.value() instanceof YamlNode.Scalar scalar)
        || !wireNames(field.type().getRawClass()).contains(scalar.text())) {
      return true;
    }
    boolean kept = true;
    Set<String> variants =
        wireNames(field.type().getRawClass()).stream()
            .map(name -> name.toLowerCase(Locale.ROOT))
            .collect(Collectors.toSet());
    for (String name : schema.fields().keySet()) {
      boolean selected = name.equalsIgnoreCase(scalar.text());
      YamlNode.Entry entry = given.get(name);
      if (selected && entry == null) {
        findings.error(
            chosen.position(),
            path,
            "field " + Quoted.text(name) + " is required with type " + scalar.text());
        kept = false;
      } else if (!selected && entry != null && variants.contains(name.toLowerCase(Locale.ROOT))) {
        findings.error(
            entry.position(),
            path,
            "field " + Quoted.text(name) + " does not go with type " + scalar.text());
        kept = false;
      }
    }
    return kept;
  }

  private @Nullable JsonNode list(
      YamlNode node, JavaType type, ObjectSchema.Limits limits, String path, boolean own) {
    List<YamlNode> items;
    if (node instanceof YamlNode.Sequence sequence) {
      items = sequence.items();
    } else if (limits.oneOrMany() && node instanceof YamlNode.Mapping) {
      items = List.of(node);
    } else {
      findings.error(node.position(), path, "expected a list, found " + found(node, own));
      return null;
    }
    boolean fits = true;
    if (items.size() < limits.minItems() || items.size() > limits.maxItems()) {
      findings.error(
          node.position(),
          path,
          limits.maxItems() == Integer.MAX_VALUE
              ? "expected at least " + limits.minItems() + " elements, found " + items.size()
              : "expected "
                  + limits.minItems()
                  + " to "
                  + limits.maxItems()
                  + " elements, found "
                  + items.size());
      fits = false;
    }
    ArrayNode bound = JSON.arrayNode();
    Map<String, YamlNode> seen = new HashMap<>();
    for (int i = 0; i < items.size(); i++) {
      YamlNode item = items.get(i);
      String at = path + "[" + i + "]";
      if (isAbsent(item)) {
        findings.error(item.position(), at, "is without a value");
        fits = false;
        continue;
      }
      JsonNode value = value(item, type.getContentType(), limits, at, own);
      if (value == null) {
        fits = false;
        continue;
      }
      bound.add(value);
      if (limits.uniqueBy() != null) {
        JsonNode key = value.get(limits.uniqueBy());
        YamlNode first =
            key == null ? null : seen.putIfAbsent(key.asText().toLowerCase(Locale.ROOT), item);
        if (first != null) {
          findings.error(
              item.position(),
              at,
              "second element with "
                  + limits.uniqueBy()
                  + " "
                  + Quoted.text(key.asText())
                  + ", the first is at line "
                  + first.position().line());
          fits = false;
        }
      }
    }
    return fits ? bound : null;
  }

  private @Nullable JsonNode map(YamlNode node, JavaType type, String path, boolean own) {
    if (!(node instanceof YamlNode.Mapping mapping)) {
      findings.error(node.position(), path, "expected an object, found " + found(node, own));
      return null;
    }
    ObjectNode bound = JSON.objectNode();
    boolean fits = true;
    for (YamlNode.Entry entry : mapping.entries()) {
      JsonNode value =
          value(
              entry.value(),
              type.getContentType(),
              ObjectSchema.Limits.NONE,
              child(path, entry.key()),
              own);
      if (value == null) {
        fits = false;
      } else {
        bound.set(entry.key(), value);
      }
    }
    return fits ? bound : null;
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
      findings.error(
          node.position(),
          path,
          "has %d characters, expected %d to %d"
              .formatted(length, limits.minLength(), limits.maxLength()));
      return null;
    }
    TextFormat format = limits.format();
    if (format != null && !(format.matches(value) && (format != TextFormat.IP || isIp(value)))) {
      findings.error(node.position(), path, Quoted.text(value) + " is not " + format.description());
      return null;
    }
    if (!limits.only().isEmpty() && !limits.only().contains(value)) {
      findings.error(node.position(), path, notOneOf(value, limits.only()));
      return null;
    }
    return text;
  }

  private @Nullable JsonNode constant(
      YamlNode node, Class<?> type, ObjectSchema.Limits limits, String path) {
    List<String> names =
        wireNames(type).stream()
            .filter(name -> limits.only().isEmpty() || limits.only().contains(name))
            .toList();
    if (!(node instanceof YamlNode.Scalar scalar)) {
      findings.error(
          node.position(),
          path,
          "expected one of " + String.join(", ", names) + ", found " + node.description());
      return null;
    }
    if (scalar.type() == YamlNode.Type.NULL || !names.contains(scalar.text())) {
      findings.error(node.position(), path, notOneOf(scalar.text(), names));
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
    findings.error(
        node.position(), path, "expected " + expected + ", found " + found(node, own) + hint);
    return null;
  }

  private @Nullable JsonNode intOrText(YamlNode node, String text, String path) {
    if (node instanceof YamlNode.Scalar scalar && scalar.type() == YamlNode.Type.INTEGER) {
      return integer(node, text, false, ObjectSchema.Limits.NONE, path);
    }
    return JSON.textNode(text);
  }

  private @Nullable JsonNode integer(
      YamlNode node, String text, boolean wide, ObjectSchema.Limits limits, String path) {
    BigInteger value = parseInteger(text);
    BigInteger min = (wide ? LONG_MIN : INT_MIN).max(BigInteger.valueOf(limits.min()));
    BigInteger max = (wide ? LONG_MAX : INT_MAX).min(BigInteger.valueOf(limits.max()));
    if (value == null || value.compareTo(min) < 0 || value.compareTo(max) > 0) {
      findings.error(
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

  private @Nullable JsonNode decimal(YamlNode node, String text, String path) {
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
    findings.error(node.position(), path, Quoted.text(text) + " is not a finite number");
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

  /** Free-form values, as they are. */
  private @Nullable JsonNode anything(YamlNode node, String path) {
    if (isTooMuch(node, path)) {
      return null;
    }
    return switch (node) {
      case YamlNode.Scalar scalar ->
          switch (scalar.type()) {
            case NULL -> NullNode.getInstance();
            case BOOLEAN -> JSON.booleanNode(scalar.text().equalsIgnoreCase("true"));
            case INTEGER -> integer(node, scalar.text(), true, ObjectSchema.Limits.NONE, path);
            case FLOAT -> decimal(node, scalar.text(), path);
            case STRING, LEGACY_BOOLEAN, LEADING_ZERO -> JSON.textNode(scalar.text());
          };
      case YamlNode.Sequence sequence -> {
        ArrayNode items = JSON.arrayNode();
        boolean fits = true;
        for (int i = 0; i < sequence.items().size(); i++) {
          JsonNode item = anything(sequence.items().get(i), path + "[" + i + "]");
          fits &= item != null;
          if (item != null) {
            items.add(item);
          }
        }
        yield fits ? items : null;
      }
      case YamlNode.Mapping mapping -> {
        ObjectNode object = JSON.objectNode();
        boolean fits = true;
        for (YamlNode.Entry entry : mapping.entries()) {
          JsonNode value = anything(entry.value(), child(path, entry.key()));
          fits &= value != null;
          if (value != null) {
            object.set(entry.key(), value);
          }
        }
        yield fits ? object : null;
      }
    };
  }

  private boolean isTooMuch(YamlNode node, String path) {
    if (++values == MAX_VALUES) {
      findings.error(node.position(), path, "the document has more than 1,000,000 values");
    }
    return values >= MAX_VALUES;
  }

  private String unknownField(String name, ObjectSchema schema) {
    List<String> versions = schema.elsewhere().get(name);
    if (versions != null) {
      return "field "
          + Quoted.text(name)
          + " is not served in "
          + schemas.apiVersion()
          + ", only in "
          + String.join(", ", versions);
    }
    return "unknown field " + Quoted.text(name) + NearestName.hint(name, schema.fields().keySet());
  }

  private List<String> wireNames(Class<?> type) {
    List<String> names = new ArrayList<>();
    Object[] constants = type.getEnumConstants();
    if (constants != null) {
      for (Object constant : constants) {
        names.add(mapper.convertValue(constant, String.class));
      }
    }
    return names;
  }

  private static List<String> served(String[] names, ObjectSchema schema) {
    return List.of(names).stream().filter(schema.fields()::containsKey).toList();
  }

  private static String names(List<String> names) {
    return names.stream().map(Quoted::text).collect(Collectors.joining(", "));
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

  private static String found(YamlNode node, ObjectSchema schema) {
    return found(node, schema.own());
  }

  /** Values of Kubernetes models may be secret (environment variables) and are not shown. */
  private static String found(YamlNode node, boolean own) {
    return own && node instanceof YamlNode.Scalar scalar && scalar.type() != YamlNode.Type.NULL
        ? node.description() + " " + Quoted.text(scalar.text())
        : node.description();
  }

  private static String child(String path, String name) {
    boolean plain = !name.isEmpty() && name.chars().allMatch(c -> c != '.' && c != '[' && c > ' ');
    if (!plain) {
      return path + "[" + Quoted.text(name) + "]";
    }
    return path.isEmpty() ? name : path + "." + name;
  }
}

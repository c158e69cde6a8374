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
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Holds one document to the schema of its type: reports everything that does not fit, each thing
 * once, and gives the rest in the form of the model, with defaults filled in. What could not be
 * read is left out or, where the model cannot be without it, has a placeholder: {@link #unread}.
 */
final class Binder {
  /** Bounds what aliases can blow a document up to. */
  private static final int MAX_VALUES = 1_000_000;

  /** Longer keys are cut in paths, which are made for each value: no field has such a name. */
  private static final int MAX_PLAIN_KEY = 120;

  private static final JsonNodeFactory JSON = JsonNodeFactory.instance;
  private static final BigInteger INT_MIN = BigInteger.valueOf(Integer.MIN_VALUE);
  private static final BigInteger INT_MAX = BigInteger.valueOf(Integer.MAX_VALUE);
  private static final BigInteger LONG_MIN = BigInteger.valueOf(Long.MIN_VALUE);
  private static final BigInteger LONG_MAX = BigInteger.valueOf(Long.MAX_VALUE);

  private final JsonMapper mapper;
  private final VersionSchema schemas;
  private final DocumentFindings findings;
  private final UnreadFields unread = new UnreadFields();
  private int values;

  Binder(JsonMapper mapper, VersionSchema schemas, DocumentFindings findings) {
    this.mapper = mapper;
    this.schemas = schemas;
    this.findings = findings;
  }

  /**
   * The value in the form of the model, without what does not fit, which has been reported; null
   * when all of it does not.
   */
  @Nullable JsonNode bind(YamlNode node, JavaType type, String path) {
    return value(node, type, ObjectSchema.Limits.NONE, path, true);
  }

  /** What could not be read so far; grows with each binding. */
  UnreadFields unread() {
    return unread;
  }

  /** A value that a model takes in the place of one that could not be read. */
  JsonNode placeholder(JavaType type) {
    Class<?> raw = type.getRawClass();
    if (type.isCollectionLikeType()) {
      return JSON.arrayNode();
    }
    if (raw == String.class || raw == IntOrString.class || raw == Quantity.class) {
      return JSON.textNode("");
    }
    if (raw == Boolean.class || raw == boolean.class) {
      return JSON.booleanNode(false);
    }
    if (raw.isPrimitive() || Number.class.isAssignableFrom(raw)) {
      return JSON.numberNode(0);
    }
    if (raw.isEnum()) {
      return JSON.textNode(wireNames(raw).getFirst());
    }
    ObjectNode object = JSON.objectNode();
    if (type.isRecordType()) {
      for (ObjectSchema.Field field : schemas.of(type).fields().values()) {
        YamlNode preset = field.defaultValue();
        JsonNode value =
            preset == null ? null : value(preset, field.type(), field.limits(), "", true);
        if (value != null) {
          object.set(field.component(), value);
        } else if (field.required()) {
          object.set(field.component(), placeholder(field.type()));
        }
      }
    }
    return object;
  }

  /** Reports a field whose value is not known for that. */
  private void refuse(Position position, String path, String message) {
    findings.error(position, path, message);
    unread.add(path);
  }

  /** Reports something about an object or a list as a whole. */
  private void refusePartOf(Position position, String path, String message) {
    findings.error(position, path, message);
    unread.addPartOf(path);
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
      refuse(node.position(), path, "expected an object, found " + found(node, schema));
      return null;
    }
    ObjectNode bound = JSON.objectNode();
    Map<String, YamlNode.Entry> given = new HashMap<>();
    Set<String> misspelt = new HashSet<>();
    for (YamlNode.Entry entry : mapping.entries()) {
      ObjectSchema.Field field = schema.fields().get(entry.key());
      String at = child(path, entry.key());
      if (field == null) {
        refusePartOf(entry.position(), path, unknownField(entry.key(), schema));
        if (!schema.elsewhere().containsKey(entry.key())) {
          NearestName.of(entry.key(), schema.fields().keySet()).ifPresent(misspelt::add);
        }
      } else if (isAbsent(entry.value())) {
        if (schema.own()) {
          findings.warning(
              entry.position(),
              at,
              "is given without a value, which is the same as leaving it out");
        }
      } else {
        if (!field.component().equals(entry.key())) {
          unread.rename(at, child(path, field.component()));
        }
        given.put(entry.key(), entry);
        JsonNode value = value(entry.value(), field.type(), field.limits(), at, schema.own());
        if (value != null) {
          bound.set(field.component(), value);
        }
      }
    }
    misspelt.removeAll(given.keySet());
    misspelt.forEach(name -> unread.add(child(path, name)));
    for (Map.Entry<String, ObjectSchema.Field> entry : schema.fields().entrySet()) {
      ObjectSchema.Field field = entry.getValue();
      String at = child(path, entry.getKey());
      if (field.required() && !given.containsKey(entry.getKey())) {
        if (!misspelt.contains(entry.getKey())) {
          findings.error(
              mapping.position(),
              path,
              "required field " + Quoted.text(entry.getKey()) + " missing");
        }
        unread.add(at);
      }
      if (bound.has(field.component())) {
        continue;
      }
      if (field.defaultValue() != null) {
        JsonNode value = value(field.defaultValue(), field.type(), field.limits(), at, true);
        if (value != null) {
          bound.set(field.component(), value);
        }
      } else if (field.required()) {
        bound.set(field.component(), placeholder(field.type()));
      }
    }
    checkRules(mapping, given, misspelt, schema, path);
    return bound;
  }

  private void checkRules(
      YamlNode.Mapping mapping,
      Map<String, YamlNode.Entry> given,
      Set<String> misspelt,
      ObjectSchema schema,
      String path) {
    if (schema.exactlyOneOf() != null) {
      List<String> served = served(schema.exactlyOneOf().value(), schema);
      List<String> present = served.stream().filter(given::containsKey).toList();
      if (present.size() > 1) {
        refusePartOf(
            Objects.requireNonNull(given.get(present.get(1))).position(),
            path,
            "fields " + names(present) + " exclude each other");
      } else if (present.isEmpty() && Collections.disjoint(served, misspelt)) {
        refusePartOf(
            mapping.position(),
            path,
            served.size() == 1
                ? "required field " + names(served) + " missing"
                : "one of the fields " + names(served) + " is required");
      }
    }
    if (schema.atLeastOneOf() != null) {
      List<String> served = served(schema.atLeastOneOf().value(), schema);
      if (served.stream().noneMatch(given::containsKey) && Collections.disjoint(served, misspelt)) {
        refusePartOf(
            mapping.position(),
            path,
            "at least one of the fields " + names(served) + " is required");
      }
    }
    if (schema.union() != null) {
      checkUnion(schema.union().value(), given, misspelt, schema, path);
    }
  }

  private void checkUnion(
      String selector,
      Map<String, YamlNode.Entry> given,
      Set<String> misspelt,
      ObjectSchema schema,
      String path) {
    YamlNode.Entry chosen = given.get(selector);
    ObjectSchema.Field field = schema.fields().get(selector);
    if (chosen == null
        || field == null
        || !(chosen.value() instanceof YamlNode.Scalar scalar)
        || !wireNames(field.type().getRawClass()).contains(scalar.text())) {
      return;
    }
    Set<String> variants =
        wireNames(field.type().getRawClass()).stream()
            .map(name -> name.toLowerCase(Locale.ROOT))
            .collect(Collectors.toSet());
    for (String name : schema.fields().keySet()) {
      boolean selected = name.equalsIgnoreCase(scalar.text());
      YamlNode.Entry entry = given.get(name);
      if (selected && entry == null && !misspelt.contains(name)) {
        refusePartOf(
            chosen.position(),
            path,
            "field " + Quoted.text(name) + " is required with type " + scalar.text());
      } else if (!selected && entry != null && variants.contains(name.toLowerCase(Locale.ROOT))) {
        refusePartOf(
            entry.position(),
            path,
            "field " + Quoted.text(name) + " does not go with type " + scalar.text());
      }
    }
  }

  private @Nullable JsonNode list(
      YamlNode node, JavaType type, ObjectSchema.Limits limits, String path, boolean own) {
    List<YamlNode> items;
    if (node instanceof YamlNode.Sequence sequence) {
      items = sequence.items();
    } else if (limits.oneOrMany() && node instanceof YamlNode.Mapping) {
      items = List.of(node);
    } else {
      refuse(node.position(), path, "expected a list, found " + found(node, own));
      return null;
    }
    if (items.size() < limits.minItems() || items.size() > limits.maxItems()) {
      refusePartOf(
          node.position(),
          path,
          limits.maxItems() == Integer.MAX_VALUE
              ? "expected at least " + elements(limits.minItems()) + ", found " + items.size()
              : "expected "
                  + limits.minItems()
                  + " to "
                  + elements(limits.maxItems())
                  + ", found "
                  + items.size());
    }
    ArrayNode bound = JSON.arrayNode();
    Map<String, YamlNode> seen = new HashMap<>();
    for (int i = 0; i < items.size(); i++) {
      YamlNode item = items.get(i);
      String at = path + "[" + i + "]";
      if (isAbsent(item)) {
        refuse(item.position(), at, "is without a value");
        bound.add(placeholder(type.getContentType()));
        continue;
      }
      JsonNode value = value(item, type.getContentType(), limits, at, own);
      // Others keep their index, which findings name.
      bound.add(value == null ? placeholder(type.getContentType()) : value);
      if (value != null
          && limits.uniqueBy() != null
          && unread.isRead(child(at, limits.uniqueBy()))) {
        JsonNode key = value.get(limits.uniqueBy());
        YamlNode first =
            key == null ? null : seen.putIfAbsent(key.asText().toLowerCase(Locale.ROOT), item);
        if (first != null) {
          refusePartOf(
              item.position(),
              at,
              "second element with "
                  + limits.uniqueBy()
                  + " "
                  + Quoted.text(key.asText())
                  + ", the first is at line "
                  + first.position().line());
        }
      }
    }
    return bound;
  }

  private static String elements(int number) {
    return number + (number == 1 ? " element" : " elements");
  }

  private @Nullable JsonNode map(YamlNode node, JavaType type, String path, boolean own) {
    if (!(node instanceof YamlNode.Mapping mapping)) {
      refuse(node.position(), path, "expected an object, found " + found(node, own));
      return null;
    }
    ObjectNode bound = JSON.objectNode();
    for (YamlNode.Entry entry : mapping.entries()) {
      JsonNode value =
          value(
              entry.value(),
              type.getContentType(),
              ObjectSchema.Limits.NONE,
              child(path, entry.key()),
              own);
      if (value != null) {
        bound.set(entry.key(), value);
      }
    }
    return bound;
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
    if (format != null && !(format.matches(value) && (format != TextFormat.IP || isIp(value)))) {
      refuse(node.position(), path, Quoted.text(value) + " is not " + format.description());
      return null;
    }
    if (!limits.only().isEmpty() && !limits.only().contains(value)) {
      refuse(node.position(), path, notOneOf(value, limits.only()));
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

  private @Nullable JsonNode integer(
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
        for (int i = 0; i < sequence.items().size(); i++) {
          JsonNode item = anything(sequence.items().get(i), path + "[" + i + "]");
          items.add(item == null ? NullNode.getInstance() : item);
        }
        yield items;
      }
      case YamlNode.Mapping mapping -> {
        ObjectNode object = JSON.objectNode();
        for (YamlNode.Entry entry : mapping.entries()) {
          JsonNode value = anything(entry.value(), child(path, entry.key()));
          if (value != null) {
            object.set(entry.key(), value);
          }
        }
        yield object;
      }
    };
  }

  private boolean isTooMuch(YamlNode node, String path) {
    if (++values == MAX_VALUES) {
      findings.error(node.position(), path, "the document has more than 1,000,000 values");
      unread.addEverything();
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
    boolean plain =
        !name.isEmpty()
            && name.length() <= MAX_PLAIN_KEY
            && name.chars().allMatch(c -> c != '.' && c != '[' && c > ' ');
    if (!plain) {
      return path + "[" + Quoted.text(name) + "]";
    }
    return path.isEmpty() ? name : path + "." + name;
  }
}

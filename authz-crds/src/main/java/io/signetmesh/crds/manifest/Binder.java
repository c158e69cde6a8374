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
import io.signetmesh.crds.text.NearestName;
import io.signetmesh.crds.text.Quoted;
import io.signetmesh.crds.token.ClaimValue;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
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
  private final JsonMapper mapper;
  private final VersionSchema schemas;
  private final DocumentFindings findings;
  private final UnreadFields unread = new UnreadFields();
  private final ScalarBinder scalars;
  private int values;

  Binder(JsonMapper mapper, VersionSchema schemas, DocumentFindings findings) {
    this.mapper = mapper;
    this.schemas = schemas;
    this.findings = findings;
    this.scalars = new ScalarBinder(findings, unread);
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
    if (raw == String.class
        || raw == IntOrString.class
        || raw == Quantity.class
        || raw == ClaimValue.class) {
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
    if (ScalarBinder.isScalar(raw)) {
      return scalars.bind(node, raw, limits, path, own);
    }
    if (raw.isEnum()) {
      return scalars.constant(node, wireNames(raw), limits, path);
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
      refuse(
          node.position(),
          path,
          "expected an object, found " + ScalarBinder.found(node, schema.own()));
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
      refuse(node.position(), path, "expected a list, found " + ScalarBinder.found(node, own));
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
      refuse(node.position(), path, "expected an object, found " + ScalarBinder.found(node, own));
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
            case INTEGER ->
                scalars.integer(node, scalar.text(), true, ObjectSchema.Limits.NONE, path);
            case FLOAT -> scalars.decimal(node, scalar.text(), path);
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

package io.signetmesh.crds.manifest;

import com.fasterxml.jackson.annotation.JsonIgnore;
import com.fasterxml.jackson.databind.BeanDescription;
import com.fasterxml.jackson.databind.JavaType;
import com.fasterxml.jackson.databind.introspect.AnnotatedMember;
import com.fasterxml.jackson.databind.introspect.BeanPropertyDefinition;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.signetmesh.crds.schema.AtLeastOneOf;
import io.signetmesh.crds.schema.Default;
import io.signetmesh.crds.schema.ExactlyOneOf;
import io.signetmesh.crds.schema.Items;
import io.signetmesh.crds.schema.Length;
import io.signetmesh.crds.schema.NamedIn;
import io.signetmesh.crds.schema.OneOrMany;
import io.signetmesh.crds.schema.Only;
import io.signetmesh.crds.schema.Range;
import io.signetmesh.crds.schema.Required;
import io.signetmesh.crds.schema.ServedIn;
import io.signetmesh.crds.schema.Text;
import io.signetmesh.crds.schema.TextFormat;
import io.signetmesh.crds.schema.Union;
import io.signetmesh.crds.schema.UniqueBy;
import java.lang.annotation.Annotation;
import java.lang.reflect.RecordComponent;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Schemas of the object types of one version of an API group: from the annotations of our records,
 * and from the properties that Jackson sees in the Kubernetes models.
 */
final class VersionSchema {
  private final String group;
  private final String version;
  private final JsonMapper mapper;
  private final Map<JavaType, ObjectSchema> schemas = new ConcurrentHashMap<>();

  VersionSchema(String group, String version, JsonMapper mapper) {
    this.group = group;
    this.version = version;
    this.mapper = mapper;
  }

  /** {@code group/version}, or the version alone for the core group. */
  String apiVersion() {
    return group.isEmpty() ? version : group + "/" + version;
  }

  /** Schema of a record or bean. */
  ObjectSchema of(JavaType type) {
    ObjectSchema schema = schemas.get(type);
    if (schema == null) {
      schema = type.isRecordType() ? ofRecord(type) : ofBean(type);
      schemas.put(type, schema);
    }
    return schema;
  }

  private ObjectSchema ofRecord(JavaType type) {
    Class<?> raw = type.getRawClass();
    Map<String, ObjectSchema.Field> fields = new LinkedHashMap<>();
    Map<String, List<String>> elsewhere = new LinkedHashMap<>();
    for (RecordComponent component : raw.getRecordComponents()) {
      NamedIn renamed = component.getAnnotation(NamedIn.class);
      boolean otherName = renamed != null && fits(renamed.in());
      String name = otherName ? renamed.name() : component.getName();
      ServedIn served = component.getAnnotation(ServedIn.class);
      if (served != null && !fits(served.value())) {
        elsewhere.put(name, List.of(served.value()));
        continue;
      }
      fields.put(name, field(component));
    }
    return new ObjectSchema(
        fields,
        elsewhere,
        raw.getAnnotation(ExactlyOneOf.class),
        raw.getAnnotation(AtLeastOneOf.class),
        raw.getAnnotation(Union.class),
        true);
  }

  private ObjectSchema.Field field(RecordComponent component) {
    Range range = first(component, Range.class, Range::in);
    Length length = component.getAnnotation(Length.class);
    Text text = first(component, Text.class, Text::in);
    Only only = first(component, Only.class, Only::in);
    Items items = first(component, Items.class, Items::in);
    UniqueBy unique = component.getAnnotation(UniqueBy.class);
    TextFormat format = text == null ? null : text.value();
    Default value = first(component, Default.class, Default::in);
    return new ObjectSchema.Field(
        component.getName(),
        mapper.constructType(component.getGenericType()),
        component.isAnnotationPresent(Required.class),
        value == null ? null : parseDefault(component, value.value()),
        new ObjectSchema.Limits(
            range == null ? Long.MIN_VALUE : range.min(),
            range == null ? Long.MAX_VALUE : range.max(),
            length == null ? 0 : length.min(),
            length == null ? Integer.MAX_VALUE : length.max(),
            format,
            only == null ? List.of() : List.of(only.value()),
            items == null ? 0 : items.min(),
            items == null ? Integer.MAX_VALUE : items.max(),
            unique == null ? null : unique.value(),
            component.isAnnotationPresent(OneOrMany.class)));
  }

  private static YamlNode parseDefault(RecordComponent component, String yaml) {
    String source = "default of " + component;
    YamlNode[] parsed = new YamlNode[1];
    YamlStream.read(
        source,
        yaml,
        new YamlStream.Sink() {
          @Override
          public void document(YamlNode root, List<YamlStream.Problem> problems) {
            parsed[0] = root;
          }

          @Override
          public void unreadable(YamlStream.Problem problem) {
            throw new IllegalStateException(source + ": " + problem);
          }
        });
    if (parsed[0] == null) {
      throw new IllegalStateException(source + " is empty");
    }
    return parsed[0];
  }

  private ObjectSchema ofBean(JavaType type) {
    BeanDescription bean = mapper.getDeserializationConfig().introspect(type);
    Map<String, ObjectSchema.Field> fields = new LinkedHashMap<>();
    for (BeanPropertyDefinition property : bean.findProperties()) {
      AnnotatedMember mutator = property.getMutator();
      if (mutator != null && !mutator.hasAnnotation(JsonIgnore.class)) {
        fields.put(
            property.getName(),
            new ObjectSchema.Field(
                property.getName(),
                property.getPrimaryType(),
                false,
                null,
                ObjectSchema.Limits.NONE));
      }
    }
    return new ObjectSchema(fields, Map.of(), null, null, null, false);
  }

  private <A extends Annotation> @Nullable A first(
      RecordComponent component, Class<A> type, Function<A, String[]> versions) {
    for (A annotation : component.getAnnotationsByType(type)) {
      String[] in = versions.apply(annotation);
      if (in.length == 0 || fits(in)) {
        return annotation;
      }
    }
    return null;
  }

  private boolean fits(String[] versions) {
    for (String candidate : versions) {
      if (candidate.equals(version)
          || candidate.equals(group + "/" + version)
          || candidate.equals(group + "/*")) {
        return true;
      }
    }
    return false;
  }
}

package io.signetmesh.crds.manifest;

import com.fasterxml.jackson.databind.JavaType;
import io.signetmesh.crds.schema.AtLeastOneOf;
import io.signetmesh.crds.schema.ExactlyOneOf;
import io.signetmesh.crds.schema.TextFormat;
import io.signetmesh.crds.schema.Union;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What one version of an API takes for an object.
 *
 * @param fields served fields, by the name that manifests use
 * @param elsewhere fields that only other versions serve, with those versions
 * @param exactlyOneOf of these one must be given, where the rule applies
 * @param atLeastOneOf of these one must be given, where the rule applies
 * @param union names the field that says which other is given, where the rule applies
 * @param own whether the type is one of ours, so that its values may be shown
 */
record ObjectSchema(
    Map<String, Field> fields,
    Map<String, List<String>> elsewhere,
    @Nullable ExactlyOneOf exactlyOneOf,
    @Nullable AtLeastOneOf atLeastOneOf,
    @Nullable Union union,
    boolean own) {

  /**
   * A field.
   *
   * @param component name in the model
   * @param type type in the model
   * @param required whether it must be given
   * @param defaultValue value when it is not given
   * @param limits what its value is held to
   */
  record Field(
      String component,
      JavaType type,
      boolean required,
      @Nullable YamlNode defaultValue,
      Limits limits) {}

  /**
   * What a value, or each element of a list, is held to.
   *
   * @param min least number
   * @param max greatest number
   * @param minLength least number of characters
   * @param maxLength greatest number of characters
   * @param format form of a text
   * @param only values that are taken; empty means all
   * @param minItems least number of elements
   * @param maxItems greatest number of elements
   * @param uniqueBy field that tells elements apart
   * @param oneOrMany whether one element may stand without the list
   */
  record Limits(
      long min,
      long max,
      int minLength,
      int maxLength,
      @Nullable TextFormat format,
      List<String> only,
      int minItems,
      int maxItems,
      @Nullable String uniqueBy,
      boolean oneOrMany) {
    static final Limits NONE =
        new Limits(
            Long.MIN_VALUE,
            Long.MAX_VALUE,
            0,
            Integer.MAX_VALUE,
            null,
            List.of(),
            0,
            Integer.MAX_VALUE,
            null,
            false);
  }
}

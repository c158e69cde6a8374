package io.signetmesh.crds.schema;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Repeatable;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * Format of a string, or of each element if the field is a list of strings. Of several annotations
 * on a field, the first whose versions include the manifest's applies.
 */
@Documented
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.RECORD_COMPONENT)
@Repeatable(Text.All.class)
public @interface Text {
  /** The format. */
  TextFormat value();

  /** Versions with this format, in the form of {@link ServedIn}; empty means all. */
  String[] in() default {};

  /** Container of repeated annotations. */
  @Documented
  @Retention(RetentionPolicy.RUNTIME)
  @Target(ElementType.RECORD_COMPONENT)
  @interface All {
    /** The annotations, in source order. */
    Text[] value();
  }
}

package io.signetmesh.crds.schema;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Repeatable;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * Value of a field that is not set, in YAML (flow style), so that an object can be a default, too.
 * Of several annotations on a field, the first whose versions include the manifest's applies.
 */
@Documented
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.RECORD_COMPONENT)
@Repeatable(Default.All.class)
public @interface Default {
  /** The value, as YAML. */
  String value();

  /** Versions with this default, in the form of {@link ServedIn}; empty means all. */
  String[] in() default {};

  /** Container of repeated annotations. */
  @Documented
  @Retention(RetentionPolicy.RUNTIME)
  @Target(ElementType.RECORD_COMPONENT)
  @interface All {
    /** The annotations, in source order. */
    Default[] value();
  }
}

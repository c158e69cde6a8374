package io.signetmesh.crds.schema;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Repeatable;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * Value of the field when it is not given. Written as YAML (flow style) so that objects can be
 * defaults as well. The first annotation whose versions fit applies.
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

  /** Holds several of them on one field. */
  @Documented
  @Retention(RetentionPolicy.RUNTIME)
  @Target(ElementType.RECORD_COMPONENT)
  @interface All {
    /** The annotations, in source order. */
    Default[] value();
  }
}

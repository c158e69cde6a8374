package io.signetmesh.crds.schema;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Repeatable;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * The values of an enumeration that a version takes, where it takes fewer than the type has. The
 * first annotation whose versions fit applies.
 */
@Documented
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.RECORD_COMPONENT)
@Repeatable(Only.All.class)
public @interface Only {
  /** Wire names of the values. */
  String[] value();

  /** Versions that this is about, in the form of {@link ServedIn}; empty means all. */
  String[] in() default {};

  /** Holds several of them on one field. */
  @Documented
  @Retention(RetentionPolicy.RUNTIME)
  @Target(ElementType.RECORD_COMPONENT)
  @interface All {
    /** The annotations, in source order. */
    Only[] value();
  }
}

package io.signetmesh.crds.schema;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Repeatable;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * Restricts the values of an enumeration, for versions that accept fewer than the type has. Of
 * several annotations on a field, the first whose versions include the manifest's applies.
 */
@Documented
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.RECORD_COMPONENT)
@Repeatable(Only.All.class)
public @interface Only {
  /** The accepted values, as spelled in manifests. */
  String[] value();

  /** Versions with this restriction, in the form of {@link ServedIn}; empty means all. */
  String[] in() default {};

  /** Container of repeated annotations. */
  @Documented
  @Retention(RetentionPolicy.RUNTIME)
  @Target(ElementType.RECORD_COMPONENT)
  @interface All {
    /** The annotations, in source order. */
    Only[] value();
  }
}

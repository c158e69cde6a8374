package io.signetmesh.crds.schema;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Repeatable;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * Bounds on the number of elements of a list. Of several annotations on a field, the first whose
 * versions include the manifest's applies.
 */
@Documented
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.RECORD_COMPONENT)
@Repeatable(Items.All.class)
public @interface Items {
  /** Least number of elements of a list that is set. */
  int min() default 0;

  /** Greatest number of elements. */
  int max() default Integer.MAX_VALUE;

  /** Versions with these bounds, in the form of {@link ServedIn}; empty means all. */
  String[] in() default {};

  /** Container of repeated annotations. */
  @Documented
  @Retention(RetentionPolicy.RUNTIME)
  @Target(ElementType.RECORD_COMPONENT)
  @interface All {
    /** The annotations, in source order. */
    Items[] value();
  }
}

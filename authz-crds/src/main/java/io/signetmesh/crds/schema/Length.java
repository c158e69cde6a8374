package io.signetmesh.crds.schema;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * Bounds on the number of characters of a string, or of each element if the field is a list of
 * strings.
 */
@Documented
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.RECORD_COMPONENT)
public @interface Length {
  /** Least number of characters. */
  int min() default 0;

  /** Greatest number of characters. */
  int max();
}

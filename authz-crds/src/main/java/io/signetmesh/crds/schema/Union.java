package io.signetmesh.crds.schema;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * A discriminated union: the value of one field, the discriminator, names the other field that is
 * set. Case does not matter. Fields that are named like its other values must not be set.
 */
@Documented
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.TYPE)
public @interface Union {
  /** Name of the discriminator. */
  String value();
}

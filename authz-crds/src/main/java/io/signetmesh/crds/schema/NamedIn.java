package io.signetmesh.crds.schema;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * The field has another name in some versions. The storage version uses the name of the record
 * component.
 */
@Documented
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.RECORD_COMPONENT)
public @interface NamedIn {
  /** Versions with the other name, in the form of {@link ServedIn}. */
  String[] in();

  /** Name of the field in those versions. */
  String name();
}

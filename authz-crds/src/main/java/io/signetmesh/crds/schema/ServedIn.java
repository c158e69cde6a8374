package io.signetmesh.crds.schema;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * The versions that have the field; without the annotation, all have it. In other versions the
 * field is unknown, and its default does not apply. An entry is a version ({@code v1beta3}), a
 * group with a version ({@code policy.linkerd.io/v1beta3}) or a group with all of its versions
 * ({@code policy.linkerd.io/*}).
 */
@Documented
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.RECORD_COMPONENT)
public @interface ServedIn {
  /** Versions with the field. */
  String[] value();
}

package io.signetmesh.policy.model;

import java.util.Locale;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A reference as written in a manifest. Group and kind are compared without regard to case; a
 * missing or empty group is {@code core}.
 *
 * @param group API group
 * @param kind kind
 * @param namespace namespace; null for that of the object that refers
 * @param name name
 */
public record Reference(String group, String kind, @Nullable String namespace, String name) {
  /** Maps the empty group to {@code core} and the empty namespace to null. */
  public Reference {
    group = group.isEmpty() ? "core" : group;
    namespace = namespace == null || namespace.isEmpty() ? null : namespace;
  }

  /** A reference whose parts may be absent. */
  public static Reference of(
      @Nullable String group,
      @Nullable String kind,
      @Nullable String namespace,
      @Nullable String name) {
    return new Reference(
        group == null ? "" : group, kind == null ? "" : kind, namespace, name == null ? "" : name);
  }

  /** Whether group and kind are those. */
  public boolean isA(ObjectRef.Kind expected) {
    return group.equalsIgnoreCase(expected.group())
        && kind.equalsIgnoreCase(expected.resourceKind());
  }

  /** The object meant, when its kind is one that policy knows. */
  public Optional<ObjectRef> resolve(String defaultNamespace) {
    for (ObjectRef.Kind candidate : ObjectRef.Kind.values()) {
      if (candidate.decides() && isA(candidate)) {
        String ns =
            candidate == ObjectRef.Kind.NAMESPACE
                ? ""
                : namespace == null ? defaultNamespace : namespace;
        return Optional.of(new ObjectRef(candidate, ns, name));
      }
    }
    return Optional.empty();
  }

  /** {@code group/Kind namespace/name}, as used in messages. */
  @Override
  public String toString() {
    String place = namespace == null ? name : namespace + "/" + name;
    return group.toLowerCase(Locale.ROOT) + "/" + kind + " " + place;
  }
}

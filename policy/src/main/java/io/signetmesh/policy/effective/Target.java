package io.signetmesh.policy.effective;

import io.signetmesh.policy.model.ClientPolicyModel;
import io.signetmesh.policy.model.ObjectRef;
import io.signetmesh.policy.model.Reference;
import java.util.Locale;
import java.util.Optional;

/** The target of an AuthorizationPolicy or a DenyPolicy, within its namespace. */
public sealed interface Target {
  /**
   * One Server.
   *
   * @param name its name, exactly
   */
  record OneServer(String name) implements Target {}

  /** Every Server of the namespace; for a denial, every port. */
  record WholeNamespace() implements Target {}

  /**
   * One route.
   *
   * @param kind its kind
   * @param name its name in lower case: route names are compared without regard to case
   */
  record OneRoute(ObjectRef.Kind kind, String name) implements Target {}

  /** The target of a policy; empty when it is not an allowed target. */
  static Optional<Target> of(ClientPolicyModel policy) {
    Reference reference = policy.target();
    if (reference.isA(ObjectRef.Kind.SERVER)) {
      return Optional.of(new OneServer(reference.name()));
    }
    if (reference.isA(ObjectRef.Kind.NAMESPACE)) {
      return reference.name().equals(policy.ref().namespace())
          ? Optional.of(new WholeNamespace())
          : Optional.empty();
    }
    for (ObjectRef.Kind kind : ObjectRef.Kind.values()) {
      if (kind.isRoute() && reference.isA(kind)) {
        return Optional.of(route(kind, reference.name()));
      }
    }
    return Optional.empty();
  }

  /** A route as a target. */
  static Target route(ObjectRef.Kind kind, String name) {
    return new OneRoute(kind, name.toLowerCase(Locale.ROOT));
  }
}

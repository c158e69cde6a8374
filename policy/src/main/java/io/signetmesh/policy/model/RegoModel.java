package io.signetmesh.policy.model;

import io.signetmesh.policy.document.DocumentLocation;
import io.signetmesh.policy.rego.BundleSource;
import io.signetmesh.policy.rego.KnownBundle;
import io.signetmesh.v1.RegoAuthentication;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/** Objects of the authentication of requests by policy bundles. */
public sealed interface RegoModel extends PolicyObject {
  /**
   * A RegoAuthentication.
   *
   * @param message as sent to proxies, without its bundle
   * @param bundle where its bundle comes from
   */
  record Authentication(
      ObjectRef ref, String origin, RegoAuthentication message, BundleSource bundle)
      implements RegoModel {
    /** The ConfigMap that has the bundle; null when none has. */
    public @Nullable ObjectRef holder() {
      return bundle instanceof BundleSource.Held held
          ? new ObjectRef(ObjectRef.Kind.CONFIG_MAP, ref.namespace(), held.name())
          : null;
    }

    /** The name that the fetched bundle of this object has. */
    public ObjectRef fetched() {
      return bundleOf(ref);
    }
  }

  /**
   * The bundle that was fetched for a RegoAuthentication. No manifest has it.
   *
   * @param ref namespace and name of the RegoAuthentication
   * @param location where it is from; it counts for that location only
   * @param bundle the bundle, or why there is none
   * @param expiresAt from then on it is not used; null for never
   * @param failure why it cannot be fetched, one sentence; null when it can, and before the first
   *     fetch has ended
   */
  record FetchedBundle(
      ObjectRef ref,
      DocumentLocation location,
      KnownBundle bundle,
      @Nullable Instant expiresAt,
      @Nullable String failure)
      implements RegoModel {
    @Override
    public String origin() {
      return "";
    }
  }

  /** The name of the fetched bundle of a RegoAuthentication. */
  static ObjectRef bundleOf(ObjectRef authentication) {
    return new ObjectRef(
        ObjectRef.Kind.POLICY_BUNDLE, authentication.namespace(), authentication.name());
  }

  /** {@code namespace/name}, which messages have for a RegoAuthentication. */
  static String nameOf(ObjectRef authentication) {
    return authentication.qualifiedName();
  }

  /**
   * The RegoAuthentication that a message names.
   *
   * @throws IllegalArgumentException when the text is not {@code namespace/name}
   */
  static ObjectRef refOf(String name) {
    return ObjectRef.qualified(ObjectRef.Kind.REGO_AUTHENTICATION, name);
  }
}

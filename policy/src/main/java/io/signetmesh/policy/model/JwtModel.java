package io.signetmesh.policy.model;

import io.signetmesh.policy.document.DocumentLocation;
import io.signetmesh.policy.rego.KnownBundle;
import io.signetmesh.policy.token.KeySource;
import io.signetmesh.policy.token.KnownKeys;
import io.signetmesh.v1.JwtAuthentication;
import java.time.Instant;
import java.util.Collections;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** Objects of the authentication of requests by tokens. */
public sealed interface JwtModel extends PolicyObject {
  /**
   * A JWTAuthentication.
   *
   * @param message as sent to proxies, without its key set
   * @param keys where its keys come from
   */
  record Authentication(ObjectRef ref, String origin, JwtAuthentication message, KeySource keys)
      implements JwtModel {
    /** The ConfigMap or Secret that has the keys; null when none has. */
    public @Nullable ObjectRef holder() {
      return keys instanceof KeySource.Held(boolean secret, String name, String entry)
          ? new ObjectRef(
              secret ? ObjectRef.Kind.SECRET : ObjectRef.Kind.CONFIG_MAP, ref.namespace(), name)
          : null;
    }

    /** The name that the fetched keys of this object have. */
    public ObjectRef keySet() {
      return keySetOf(ref);
    }

    /** Names of the headers that the application gets, in lower case. */
    public Set<String> forwardedHeaders() {
      Set<String> names = new TreeSet<>();
      message.getForwarding().getClaimsList().forEach(claim -> names.add(claim.getHeader()));
      if (!message.getForwarding().getPayloadHeader().isEmpty()) {
        names.add(message.getForwarding().getPayloadHeader());
      }
      return names;
    }
  }

  /**
   * A ConfigMap or Secret with key sets. A ConfigMap may have the bundles of RegoAuthentications,
   * too.
   *
   * @param entries the keys of each entry, also of those that are no key set
   * @param bundles the bundles of those entries that may be bundles
   */
  record Holder(
      ObjectRef ref,
      String origin,
      Map<String, KnownKeys> entries,
      Map<String, KnownBundle> bundles)
      implements JwtModel {
    /** Copies the maps. */
    public Holder {
      entries = Collections.unmodifiableMap(new TreeMap<>(entries));
      bundles = Collections.unmodifiableMap(new TreeMap<>(bundles));
    }

    /** An object without bundles. */
    public Holder(ObjectRef ref, String origin, Map<String, KnownKeys> entries) {
      this(ref, origin, entries, Map.of());
    }
  }

  /**
   * The keys that were fetched for a JWTAuthentication. No manifest has them.
   *
   * @param ref namespace and name of the JWTAuthentication
   * @param location where they are from; they count for that location only
   * @param keys the keys, or why there are none
   * @param expiresAt from then on no key is used; null for never
   * @param failure why they cannot be fetched, one sentence; null when they can, and before the
   *     first fetch has ended
   */
  record FetchedKeys(
      ObjectRef ref,
      DocumentLocation location,
      KnownKeys keys,
      @Nullable Instant expiresAt,
      @Nullable String failure)
      implements JwtModel {
    @Override
    public String origin() {
      return "";
    }

    /** The JWTAuthentication that the keys are of. */
    public ObjectRef authentication() {
      return new ObjectRef(ObjectRef.Kind.JWT_AUTHENTICATION, ref.namespace(), ref.name());
    }
  }

  /** The name of the fetched keys of a JWTAuthentication. */
  static ObjectRef keySetOf(ObjectRef authentication) {
    return new ObjectRef(ObjectRef.Kind.KEY_SET, authentication.namespace(), authentication.name());
  }

  /** {@code namespace/name}, which messages have for a JWTAuthentication. */
  static String nameOf(ObjectRef authentication) {
    return authentication.qualifiedName();
  }

  /**
   * The JWTAuthentication that a message names.
   *
   * @throws IllegalArgumentException when the text is not {@code namespace/name}
   */
  static ObjectRef refOf(String name) {
    return ObjectRef.qualified(ObjectRef.Kind.JWT_AUTHENTICATION, name);
  }
}

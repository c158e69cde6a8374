package io.signetmesh.policy.token;

import io.signetmesh.crds.schema.GoDuration;
import io.signetmesh.crds.token.JWTAuthenticationSpec;
import io.signetmesh.crds.token.TokenKeys;
import io.signetmesh.policy.document.DocumentLocation;
import io.signetmesh.policy.document.DocumentNeed;
import java.time.Duration;
import java.util.Objects;

/** Where the keys of a JWTAuthentication come from. */
public sealed interface KeySource {
  /**
   * The controller fetches them.
   *
   * @param refreshInterval longest time between two fetches
   * @param maxAge how long the last set that could be fetched is used
   */
  record Fetched(DocumentLocation location, Duration refreshInterval, Duration maxAge)
      implements KeySource, DocumentNeed {}

  /** They are in the object. */
  record Inline(KnownKeys keys) implements KeySource {}

  /**
   * They are in a ConfigMap or Secret of the namespace of the object.
   *
   * @param secret whether it is a Secret
   * @param name its name
   * @param entry name of the entry in it
   */
  record Held(boolean secret, String name, String entry) implements KeySource {}

  /**
   * What a spec says.
   *
   * @throws IllegalArgumentException when it says nothing or more than one thing, or a duration
   *     cannot be read
   */
  static KeySource of(JWTAuthenticationSpec spec) {
    TokenKeys keys = spec.keys();
    int given =
        (keys.jwksUri() == null ? 0 : 1)
            + (keys.discovery() == null ? 0 : 1)
            + (keys.jwks() == null ? 0 : 1)
            + (keys.configMapRef() == null ? 0 : 1)
            + (keys.secretRef() == null ? 0 : 1);
    if (given != 1) {
      throw new IllegalArgumentException(
          "spec.keys names " + given + " sources of keys: expected exactly one");
    }
    if (keys.jwks() != null) {
      return new Inline(KnownKeys.parse(keys.jwks()));
    }
    if (keys.configMapRef() != null) {
      return new Held(false, keys.configMapRef().name(), keys.configMapRef().key());
    }
    if (keys.secretRef() != null) {
      return new Held(true, keys.secretRef().name(), keys.secretRef().key());
    }
    String trust = Objects.requireNonNullElse(keys.caBundle(), "");
    return new Fetched(
        keys.jwksUri() != null
            ? DocumentLocation.keySet(keys.jwksUri(), trust)
            : DocumentLocation.discovery(
                Objects.requireNonNull(keys.discovery()), spec.issuer(), trust),
        GoDuration.parse(
            Objects.requireNonNullElse(keys.refreshInterval(), TokenKeys.DEFAULT_REFRESH_INTERVAL)),
        GoDuration.parse(Objects.requireNonNullElse(keys.maxAge(), TokenKeys.DEFAULT_MAX_AGE)));
  }
}

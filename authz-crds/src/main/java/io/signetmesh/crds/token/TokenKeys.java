package io.signetmesh.crds.token;

import io.signetmesh.crds.schema.Default;
import io.signetmesh.crds.schema.ExactlyOneOf;
import io.signetmesh.crds.schema.Length;
import io.signetmesh.crds.schema.Required;
import io.signetmesh.crds.schema.Text;
import io.signetmesh.crds.schema.TextFormat;
import org.jspecify.annotations.Nullable;

/**
 * Where the keys of an issuer come from: exactly one of the first five. The last three are for keys
 * that are fetched.
 *
 * @param jwksUri URL of a JWK set (RFC 7517 section 5)
 * @param discovery URL of a configuration document (OpenID Connect Discovery 1.0, RFC 8414), whose
 *     {@code issuer} must be that of the authentication and whose {@code jwks_uri} is fetched
 * @param jwks a JWK set
 * @param configMapRef a ConfigMap of the authentication's own namespace that has a JWK set
 * @param secretRef a Secret of the authentication's own namespace that has a JWK set
 * @param caBundle trust anchors of the HTTPS servers, PEM; null means those of the JDK
 * @param refreshInterval longest time between two fetches
 * @param maxAge how long the last set that could be fetched is used
 */
@ExactlyOneOf({"jwksUri", "discovery", "jwks", "configMapRef", "secretRef"})
public record TokenKeys(
    @Length(min = 1, max = 2_048) @Nullable String jwksUri,
    @Length(min = 1, max = 2_048) @Nullable String discovery,
    @Length(min = 1, max = 262_144) @Nullable String jwks,
    @Nullable EntryRef configMapRef,
    @Nullable EntryRef secretRef,
    @Length(min = 1, max = 65_536) @Nullable String caBundle,
    @Text(TextFormat.GO_DURATION) @Nullable String refreshInterval,
    @Text(TextFormat.GO_DURATION) @Nullable String maxAge) {
  /** Value of {@code refreshInterval} when none is written. */
  public static final String DEFAULT_REFRESH_INTERVAL = "5m";

  /** Value of {@code maxAge} when none is written. */
  public static final String DEFAULT_MAX_AGE = "24h";

  /**
   * An entry of a ConfigMap or Secret.
   *
   * @param name name of the object
   * @param key name of the entry
   */
  public record EntryRef(
      @Required @Text(TextFormat.SUBDOMAIN) String name,
      @Default("jwks.json") @Length(min = 1, max = 253) String key) {}

  /** Whether the keys are fetched. */
  public boolean areFetched() {
    return jwksUri != null || discovery != null;
  }
}

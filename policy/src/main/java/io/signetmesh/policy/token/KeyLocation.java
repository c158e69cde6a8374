package io.signetmesh.policy.token;

import io.signetmesh.crds.token.KeyUrl;

/**
 * Where a key set is fetched from. What is equal is fetched once.
 *
 * @param kind what is at the URL
 * @param url URL, HTTPS but for loopback addresses
 * @param issuer issuer that a configuration document must name; empty for {@link Kind#KEY_SET}
 * @param caBundle trust anchors of the server, PEM; empty for those of the JDK
 */
public record KeyLocation(Kind kind, String url, String issuer, String caBundle) {
  /** What is at a URL. */
  public enum Kind {
    /** A JWK set (RFC 7517 section 5). */
    KEY_SET,
    /** A configuration document (OpenID Connect Discovery 1.0), whose {@code jwks_uri} is used. */
    DISCOVERY
  }

  /** A JWK set at a URL. */
  public static KeyLocation keySet(String url, String caBundle) {
    return new KeyLocation(Kind.KEY_SET, url, "", caBundle);
  }

  /** A JWK set that a configuration document names. */
  public static KeyLocation discovery(String url, String issuer, String caBundle) {
    return new KeyLocation(Kind.DISCOVERY, url, issuer, caBundle);
  }

  /** The URL without its query. */
  @Override
  public String toString() {
    return KeyUrl.shown(url);
  }
}

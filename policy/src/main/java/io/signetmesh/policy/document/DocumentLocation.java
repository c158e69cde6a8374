package io.signetmesh.policy.document;

import io.signetmesh.crds.network.FetchUrl;

/**
 * Where a document is fetched from. What is equal is fetched once.
 *
 * @param kind what is there
 * @param url URL, HTTPS but for loopback addresses; of {@link Kind#BUNDLE_FILE} namespace and name
 *     of the file, {@code namespace/name}
 * @param issuer issuer that a configuration document must name; empty for other kinds
 * @param caBundle trust anchors of the server, PEM; empty for those of the JDK
 */
public record DocumentLocation(Kind kind, String url, String issuer, String caBundle) {
  /** What is at a location. */
  public enum Kind {
    /** A JWK set (RFC 7517 section 5). */
    KEY_SET,
    /** A configuration document (OpenID Connect Discovery 1.0), whose {@code jwks_uri} is used. */
    DISCOVERY,
    /** A policy bundle. */
    BUNDLE,
    /** A policy bundle in a file of its namespace, in the controller's directory for bundles. */
    BUNDLE_FILE;

    /** Whether a policy bundle is there, and no key set. */
    public boolean isBundle() {
      return this == BUNDLE || this == BUNDLE_FILE;
    }
  }

  /** A JWK set at a URL. */
  public static DocumentLocation keySet(String url, String caBundle) {
    return new DocumentLocation(Kind.KEY_SET, url, "", caBundle);
  }

  /** A JWK set that a configuration document names. */
  public static DocumentLocation discovery(String url, String issuer, String caBundle) {
    return new DocumentLocation(Kind.DISCOVERY, url, issuer, caBundle);
  }

  /** A policy bundle at a URL. */
  public static DocumentLocation bundle(String url, String caBundle) {
    return new DocumentLocation(Kind.BUNDLE, url, "", caBundle);
  }

  /** A policy bundle in a file of a namespace. */
  public static DocumentLocation bundleFile(String namespace, String name) {
    return new DocumentLocation(Kind.BUNDLE_FILE, namespace + "/" + name, "", "");
  }

  /** The URL without its query, or namespace and name of the file. */
  @Override
  public String toString() {
    return kind == Kind.BUNDLE_FILE ? "file " + url : FetchUrl.shown(url);
  }
}

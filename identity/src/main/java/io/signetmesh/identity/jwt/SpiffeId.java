package io.signetmesh.identity.jwt;

import io.signetmesh.identity.pki.WorkloadIdentity;
import java.util.regex.Pattern;

/**
 * A SPIFFE id (SPIFFE-ID section 2).
 *
 * @param trustDomain trust domain, lower case
 * @param path empty for the id of the trust domain itself, otherwise segments that each start with
 *     a slash
 */
public record SpiffeId(String trustDomain, String path) {
  private static final String SCHEME = "spiffe://";
  private static final int MAX_LENGTH = 2048;
  private static final Pattern TRUST_DOMAIN = Pattern.compile("[a-z0-9._-]{1,255}");
  private static final Pattern PATH = Pattern.compile("(/[a-zA-Z0-9._-]+)*");
  private static final Pattern DOTS = Pattern.compile("(^|.*/)\\.\\.?(/.*|$)");

  /**
   * Parses an id.
   *
   * @throws IllegalArgumentException when the text is not a SPIFFE id
   */
  public static SpiffeId parse(String id) {
    if (id.startsWith(SCHEME) && id.length() <= MAX_LENGTH) {
      int slash = id.indexOf('/', SCHEME.length());
      String domain = id.substring(SCHEME.length(), slash < 0 ? id.length() : slash);
      String path = slash < 0 ? "" : id.substring(slash);
      if (TRUST_DOMAIN.matcher(domain).matches()
          && PATH.matcher(path).matches()
          && !DOTS.matcher(path).matches()) {
        return new SpiffeId(domain, path);
      }
    }
    throw new IllegalArgumentException(
        "SPIFFE id "
            + WorkloadIdentity.printable(id)
            + ": expected spiffe://<trust domain>/<path>, at most "
            + MAX_LENGTH
            + " characters");
  }

  /** The SPIFFE id of a trust domain, {@code spiffe://<trust domain>}: the key of bundle maps. */
  public static String ofTrustDomain(String trustDomain) {
    return SCHEME + trustDomain;
  }

  @Override
  public String toString() {
    return SCHEME + trustDomain + path;
  }
}

package io.signetmesh.crds.admission;

import java.util.Optional;
import java.util.regex.Pattern;

/** Identities as policy names them. */
final class IdentityRules {
  private static final String SCHEME = "spiffe://";
  private static final int MAX_DNS = 253;

  /** A SPIFFE ID is at most that long (SPIFFE-ID, section 2.3). */
  private static final int MAX_SPIFFE = 2048;

  private static final Pattern DNS =
      Pattern.compile("(\\*\\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*");
  private static final Pattern TRUST_DOMAIN = Pattern.compile("[a-z0-9._-]{1,255}");
  private static final Pattern SEGMENT = Pattern.compile("[A-Za-z0-9._-]+");

  private IdentityRules() {}

  /** What is wrong with the identity; empty when nothing is. */
  static Optional<String> problem(String identity) {
    if (identity.startsWith(SCHEME)) {
      return spiffeProblem(identity);
    }
    boolean fits =
        identity.equals("*") || (identity.length() <= MAX_DNS && DNS.matcher(identity).matches());
    return fits
        ? Optional.empty()
        : Optional.of(
            "expected a SPIFFE ID, '*', or lower-case DNS labels of which the first may be '*'");
  }

  private static Optional<String> spiffeProblem(String identity) {
    if (identity.length() > MAX_SPIFFE) {
      return Optional.of("a SPIFFE ID has at most 2048 characters");
    }
    String rest = identity.substring(SCHEME.length());
    int slash = rest.indexOf('/');
    String domain = slash < 0 ? rest : rest.substring(0, slash);
    if (!TRUST_DOMAIN.matcher(domain).matches()) {
      return Optional.of(
          "the trust domain of a SPIFFE ID is 1 to 255 lower-case letters, digits, '-', '.' or"
              + " '_'");
    }
    if (slash < 0) {
      return Optional.empty();
    }
    for (String segment : rest.substring(slash + 1).split("/", -1)) {
      if (segment.isEmpty()) {
        return Optional.of("the path of a SPIFFE ID has no empty segment and no trailing slash");
      }
      if (segment.equals(".") || segment.equals("..")) {
        return Optional.of("the path of a SPIFFE ID has no segment '.' or '..'");
      }
      if (!SEGMENT.matcher(segment).matches()) {
        return Optional.of(
            "the path of a SPIFFE ID is made of letters, digits, '-', '.', '_' and '/'");
      }
    }
    return Optional.empty();
  }
}

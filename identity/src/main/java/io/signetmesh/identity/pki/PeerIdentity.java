package io.signetmesh.identity.pki;

import java.net.URI;
import java.net.URISyntaxException;
import java.security.cert.CertificateParsingException;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The identity in a verified certificate.
 *
 * @param name the first DNS or URI subject alternative name in certificate order; policy grants
 *     access to this name
 * @param names all usable DNS and URI names in certificate order, {@code name} first; a denial of
 *     any of them denies the peer
 * @param federated whether a foreign trust domain vouches for it; {@code name} is then a SPIFFE id
 *     of that domain, and only policy that names it grants access
 */
public record PeerIdentity(String name, List<String> names, boolean federated) {
  private static final int DNS_NAME = 2;
  private static final int URI_NAME = 6;

  /** Wildcards, trailing dots, spaces and control characters do not match. */
  private static final Pattern DNS =
      Pattern.compile("(?=.{1,253}$)[a-z0-9_-]{1,63}(\\.[a-z0-9_-]{1,63})*");

  /** An identity of the own trust domain. */
  public PeerIdentity(String name, List<String> names) {
    this(name, names, false);
  }

  /** Refuses a list that does not start with the name. */
  public PeerIdentity {
    names = List.copyOf(names);
    if (names.isEmpty() || !names.getFirst().equals(name)) {
      throw new IllegalArgumentException("names " + names + ": expected " + name + " first");
    }
  }

  /**
   * Reads the names of a certificate. DNS names are lower-cased. Wildcards, DNS names with a
   * trailing dot, other invalid DNS names, and URIs without scheme and authority are skipped.
   *
   * @return empty when the certificate has no usable name
   */
  public static Optional<PeerIdentity> of(X509Certificate leaf) {
    Collection<List<?>> alternatives;
    try {
      alternatives = leaf.getSubjectAlternativeNames();
    } catch (CertificateParsingException e) {
      return Optional.empty();
    }
    if (alternatives == null) {
      return Optional.empty();
    }
    List<String> names = new ArrayList<>(alternatives.size());
    for (List<?> alternative : alternatives) {
      if (!(alternative.get(0) instanceof Integer kind)
          || !(alternative.get(1) instanceof String value)) {
        continue;
      }
      if (kind == DNS_NAME) {
        String lower = value.toLowerCase(Locale.ROOT);
        if (DNS.matcher(lower).matches()) {
          names.add(lower);
        }
      } else if (kind == URI_NAME && isAbsolute(value)) {
        names.add(value);
      }
    }
    return names.isEmpty()
        ? Optional.empty()
        : Optional.of(new PeerIdentity(names.getFirst(), names));
  }

  /**
   * A DNS name of a certificate that is no plain one, a wildcard for instance, so that it cannot be
   * told whom it stands for; null when there is none.
   */
  static @Nullable String unreadableName(X509Certificate leaf) throws CertificateParsingException {
    Collection<List<?>> alternatives = leaf.getSubjectAlternativeNames();
    if (alternatives != null) {
      for (List<?> alternative : alternatives) {
        if (alternative.get(0) instanceof Integer kind
            && kind == DNS_NAME
            && alternative.get(1) instanceof String value
            && !DNS.matcher(value.toLowerCase(Locale.ROOT)).matches()) {
          return value;
        }
      }
    }
    return null;
  }

  /** URI names of a certificate, also those that cannot be used. */
  static int uriNames(X509Certificate leaf) throws CertificateParsingException {
    Collection<List<?>> alternatives = leaf.getSubjectAlternativeNames();
    int count = 0;
    if (alternatives != null) {
      for (List<?> alternative : alternatives) {
        if (alternative.get(0) instanceof Integer kind && kind == URI_NAME) {
          count++;
        }
      }
    }
    return count;
  }

  /** Whether any name equals the expected one. Clients check servers with it. */
  public boolean matches(String expected) {
    return names.contains(expected);
  }

  private static boolean isAbsolute(String value) {
    try {
      URI uri = new URI(value);
      return uri.getScheme() != null && uri.getRawAuthority() != null;
    } catch (URISyntaxException e) {
      return false;
    }
  }

  @Override
  public String toString() {
    return name;
  }
}

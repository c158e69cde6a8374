package io.signetmesh.crds.network;

import java.net.InetAddress;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.UnknownHostException;
import java.util.Optional;

/**
 * URLs that key sets and policy bundles are fetched from. They are HTTPS; HTTP is for literal
 * loopback addresses only.
 */
public final class FetchUrl {
  private static final int MAX_LENGTH = 2_048;

  private FetchUrl() {}

  /** Why nothing is fetched from there; empty when it is. */
  public static Optional<String> problem(String url) {
    if (url.length() > MAX_LENGTH) {
      return Optional.of("it has more than " + MAX_LENGTH + " characters");
    }
    URI uri;
    try {
      uri = new URI(url).parseServerAuthority();
    } catch (URISyntaxException e) {
      return Optional.of(e.getReason());
    }
    String scheme = String.valueOf(uri.getScheme());
    String host = uri.getHost();
    if (!scheme.equals("https") && !scheme.equals("http")) {
      return Optional.of("expected https://");
    }
    if (host == null) {
      return Optional.of("it has no host");
    }
    if (uri.getRawUserInfo() != null) {
      return Optional.of("it has user information, which is not sent");
    }
    if (uri.getRawFragment() != null) {
      return Optional.of("it has a fragment, which is not sent");
    }
    if (uri.getPort() == 0 || uri.getPort() > 65_535) {
      return Optional.of("its port is not 1 to 65535");
    }
    if (!url.chars().allMatch(c -> c > ' ' && c < 0x7f)) {
      return Optional.of("it has characters that are not ASCII: escape them");
    }
    if (scheme.equals("http") && !isLoopback(host)) {
      return Optional.of("expected https:// (http:// is for a loopback address, as 127.0.0.1)");
    }
    return Optional.empty();
  }

  /** The URL as people may see it: its query, which may have a secret, is left out. */
  public static String shown(String url) {
    int query = url.indexOf('?');
    return query < 0 ? url : url.substring(0, query) + "?…";
  }

  /** Whether the host of a URL is a literal loopback address. */
  private static boolean isLoopback(String host) {
    byte[] address =
        IpLiteral.parse(
            host.startsWith("[") && host.endsWith("]")
                ? host.substring(1, host.length() - 1)
                : host);
    try {
      return address != null && InetAddress.getByAddress(address).isLoopbackAddress();
    } catch (UnknownHostException e) {
      throw new IllegalStateException("4 or 16 bytes are an address", e);
    }
  }
}

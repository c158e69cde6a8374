package io.signetmesh.jwt.proof;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * The URI that a proof of possession is for (RFC 9449 section 4.3): without query and fragment, and
 * in the normal form of RFC 3986 sections 6.2.2 and 6.2.3.
 */
public final class ProofUri {
  private static final int MAX_LENGTH = 8 * 1024;
  private static final int PORT_DIGITS = 5;
  private static final String UNRESERVED = "-._~";
  private static final String BEFORE_AUTHORITY = "://";

  private ProofUri() {}

  /**
   * Normal form of a URI.
   *
   * @return null when it is no absolute {@code http} or {@code https} URI
   */
  public static @Nullable String normal(String uri) {
    int colon = uri.indexOf(BEFORE_AUTHORITY);
    if (colon < 0 || uri.length() > MAX_LENGTH) {
      return null;
    }
    int from = colon + BEFORE_AUTHORITY.length();
    int end = from;
    while (end < uri.length() && "/?#".indexOf(uri.charAt(end)) < 0) {
      end++;
    }
    return normal(uri.substring(0, colon), uri.substring(from, end), uri.substring(end));
  }

  /**
   * Normal form of a request's URI.
   *
   * @param target path and query
   * @return null when there is none
   */
  public static @Nullable String normal(String scheme, String authority, String target) {
    String lower = scheme.toLowerCase(Locale.ROOT);
    String port = lower.equals("https") ? "443" : lower.equals("http") ? "80" : null;
    String host = port == null ? null : host(authority, port);
    int end = 0;
    while (end < target.length() && target.charAt(end) != '?' && target.charAt(end) != '#') {
      end++;
    }
    String path = end > MAX_LENGTH ? null : path(target.substring(0, end));
    return host == null || path == null ? null : lower + BEFORE_AUTHORITY + host + path;
  }

  /** Host and port in lower case, without the scheme's own port. */
  private static @Nullable String host(String authority, String ownPort) {
    for (int i = 0; i < authority.length(); i++) {
      char c = authority.charAt(i);
      // A user may not be told from a host.
      if (c <= ' ' || c > '~' || "@/?#\\%\"<>^`{|}".indexOf(c) >= 0) {
        return null;
      }
    }
    String host = authority.toLowerCase(Locale.ROOT);
    int colon = host.lastIndexOf(':');
    if (colon > host.lastIndexOf(']')) {
      String port = host.substring(colon + 1);
      host = host.substring(0, colon);
      if (!port.isEmpty() && !port.equals(ownPort)) {
        if (port.length() > PORT_DIGITS || !port.chars().allMatch(c -> c >= '0' && c <= '9')) {
          return null;
        }
        return host.isEmpty() ? null : host + ":" + port;
      }
    }
    return host.isEmpty() ? null : host;
  }

  private static @Nullable String path(String path) {
    if (path.isEmpty()) {
      return "/";
    }
    if (path.charAt(0) != '/') {
      return null;
    }
    StringBuilder decoded = new StringBuilder(path.length());
    for (int i = 0; i < path.length(); i++) {
      char c = path.charAt(i);
      if (c == '%') {
        int octet = octet(path, i);
        if (octet < 0) {
          return null;
        }
        if (isUnreserved(octet)) {
          decoded.append((char) octet);
        } else {
          decoded.append(path.substring(i, i + 3).toUpperCase(Locale.ROOT));
        }
        i += 2;
      } else {
        decoded.append(c);
      }
    }
    return withoutDots(decoded.toString());
  }

  /** RFC 3986 section 5.2.4. */
  private static String withoutDots(String path) {
    Deque<String> segments = new ArrayDeque<>();
    String[] parts = path.substring(1).split("/", -1);
    for (int i = 0; i < parts.length; i++) {
      boolean last = i == parts.length - 1;
      switch (parts[i]) {
        case "." -> {
          if (last) {
            segments.addLast("");
          }
        }
        case ".." -> {
          segments.pollLast();
          if (last) {
            segments.addLast("");
          }
        }
        default -> segments.addLast(parts[i]);
      }
    }
    return "/" + String.join("/", segments);
  }

  private static int octet(String text, int percent) {
    if (percent + 2 >= text.length()) {
      return -1;
    }
    int high = Character.digit(text.charAt(percent + 1), 16);
    int low = Character.digit(text.charAt(percent + 2), 16);
    boolean ascii = text.charAt(percent + 1) < 0x80 && text.charAt(percent + 2) < 0x80;
    return high < 0 || low < 0 || !ascii ? -1 : high << 4 | low;
  }

  private static boolean isUnreserved(int octet) {
    return octet >= 'a' && octet <= 'z'
        || octet >= 'A' && octet <= 'Z'
        || octet >= '0' && octet <= '9'
        || UNRESERVED.indexOf(octet) >= 0;
  }
}

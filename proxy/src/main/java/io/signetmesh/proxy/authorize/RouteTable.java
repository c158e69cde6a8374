package io.signetmesh.proxy.authorize;

import com.google.re2j.Pattern;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Picks the most specific route of a request: host (exact, then longest suffix, then any), path
 * (exact, then longest prefix, then longest regular expression), number of header matches, number
 * of query matches, method; among equals the first listed (linkerd-control-plane reference 2.10).
 *
 * <p>A path that leads to another route when it is read as lenient applications read it (see {@link
 * LenientPath}) has no route: the decision would be about another resource than the one served.
 */
final class RouteTable {
  private final Entry[] entries;
  private final boolean trivial;

  /** Something that a request may match. */
  record Entry(
      CompiledRoute route,
      @Nullable HostPattern host,
      @Nullable PathPattern path,
      List<ValuePattern> headers,
      List<ValuePattern> query,
      @Nullable String method) {
    boolean matchesEverything() {
      return host == null && path == null && headers.isEmpty() && query.isEmpty() && method == null;
    }
  }

  /** Host: labels to compare, right to left, and whether it is a suffix. */
  record HostPattern(String text, boolean suffix) {
    int rank(CharSequence authority) {
      String host = host(authority);
      if (suffix) {
        return host.length() > text.length() + 1
                && host.endsWith(text)
                && host.charAt(host.length() - text.length() - 1) == '.'
            ? text.length()
            : -1;
      }
      return host.equals(text) ? Integer.MAX_VALUE : -1;
    }

    private static String host(CharSequence authority) {
      String text = authority.toString().toLowerCase(Locale.ROOT);
      int colon = text.lastIndexOf(':');
      if (colon >= 0 && text.indexOf(']', colon) < 0) {
        text = text.substring(0, colon);
      }
      return text.endsWith(".") ? text.substring(0, text.length() - 1) : text;
    }
  }

  /** Path: exact, whole-segment prefix, or a regular expression that must match fully. */
  record PathPattern(Kind kind, String text, @Nullable Pattern regex) {
    enum Kind {
      REGEX,
      PREFIX,
      EXACT
    }

    /** Characters matched, or -1. */
    int match(CharSequence path, int end) {
      switch (kind) {
        case EXACT -> {
          return end == text.length() && startsWith(path, text, end) ? end : -1;
        }
        case PREFIX -> {
          int length = text.endsWith("/") ? text.length() - 1 : text.length();
          if (length > end || !startsWith(path, text, length)) {
            return -1;
          }
          return length == end || path.charAt(length) == '/' ? length : -1;
        }
        case REGEX -> {
          return regex != null && regex.matches(path.subSequence(0, end).toString()) ? end : -1;
        }
      }
      return -1;
    }

    private static boolean startsWith(CharSequence path, String text, int length) {
      for (int i = 0; i < length; i++) {
        if (path.charAt(i) != text.charAt(i)) {
          return false;
        }
      }
      return true;
    }
  }

  /** A header or query parameter. */
  record ValuePattern(String name, @Nullable String exact, @Nullable Pattern regex) {
    boolean matches(@Nullable CharSequence value) {
      if (value == null) {
        return false;
      }
      return exact != null
          ? exact.contentEquals(value)
          : regex != null && regex.matches(value.toString());
    }
  }

  RouteTable(List<Entry> entries) {
    this.entries = entries.toArray(Entry[]::new);
    this.trivial =
        this.entries.length > 0 && this.entries[0].matchesEverything() && this.entries.length == 1;
  }

  @Nullable CompiledRoute find(RequestFacts request) {
    if (trivial) {
      return entries[0].route();
    }
    CharSequence path = request.path();
    int pathEnd = queryStart(path);
    Entry asSent = find(request, path, path, pathEnd);
    if (asSent == null || !LenientPath.mayDiffer(path, pathEnd)) {
      return asSent == null ? null : asSent.route();
    }
    String lenient = LenientPath.of(path, pathEnd);
    Entry asRead = find(request, path, lenient, lenient.length());
    return asRead != null && asRead.route().equals(asSent.route()) ? asSent.route() : null;
  }

  /**
   * The entry for a path.
   *
   * @param target path and query as sent
   * @param path path to match, up to {@code pathEnd}
   */
  private @Nullable Entry find(
      RequestFacts request, CharSequence target, CharSequence path, int pathEnd) {
    Entry best = null;
    int bestHost = -1;
    int bestKind = -1;
    int bestPath = -1;
    for (Entry entry : entries) {
      int host = entry.host() == null ? 0 : entry.host().rank(request.authority());
      if (host < 0 || host < bestHost) {
        continue;
      }
      int kind =
          entry.path() == null ? PathPattern.Kind.PREFIX.ordinal() : entry.path().kind().ordinal();
      int matched = entry.path() == null ? 0 : entry.path().match(path, pathEnd);
      if (matched < 0 || !conditions(entry, request, target)) {
        continue;
      }
      if (best == null
          || compare(host, bestHost, kind, bestKind, matched, bestPath, entry, best) > 0) {
        best = entry;
        bestHost = host;
        bestKind = kind;
        bestPath = matched;
      }
    }
    return best;
  }

  private static int compare(
      int host,
      int bestHost,
      int kind,
      int bestKind,
      int path,
      int bestPath,
      Entry entry,
      Entry best) {
    int order = Integer.compare(host, bestHost);
    if (order == 0) {
      order = Integer.compare(kind, bestKind);
    }
    if (order == 0) {
      order = Integer.compare(path, bestPath);
    }
    if (order == 0) {
      order = Boolean.compare(entry.method() != null, best.method() != null);
    }
    if (order == 0) {
      order = Integer.compare(entry.headers().size(), best.headers().size());
    }
    if (order == 0) {
      order = Integer.compare(entry.query().size(), best.query().size());
    }
    return order;
  }

  private static boolean conditions(Entry entry, RequestFacts request, CharSequence target) {
    String method = entry.method();
    if (method != null && !method.contentEquals(request.method())) {
      return false;
    }
    List<ValuePattern> headers = entry.headers();
    for (int i = 0; i < headers.size(); i++) {
      ValuePattern header = headers.get(i);
      if (!header.matches(request.header(header.name()))) {
        return false;
      }
    }
    List<ValuePattern> query = entry.query();
    for (int i = 0; i < query.size(); i++) {
      ValuePattern parameter = query.get(i);
      if (!parameter.matches(parameter(target, queryStart(target), parameter.name()))) {
        return false;
      }
    }
    return true;
  }

  private static int queryStart(CharSequence path) {
    int length = path.length();
    for (int i = 0; i < length; i++) {
      if (path.charAt(i) == '?') {
        return i;
      }
    }
    return length;
  }

  /** First value of a query parameter, percent-decoded; null when it is absent. */
  private static @Nullable String parameter(CharSequence path, int pathEnd, String name) {
    if (pathEnd >= path.length()) {
      return null;
    }
    String query = path.subSequence(pathEnd + 1, path.length()).toString();
    for (String pair : query.split("&", -1)) {
      int equals = pair.indexOf('=');
      String key = equals < 0 ? pair : pair.substring(0, equals);
      try {
        if (java.net.URLDecoder.decode(key, java.nio.charset.StandardCharsets.UTF_8).equals(name)) {
          return java.net.URLDecoder.decode(
              equals < 0 ? "" : pair.substring(equals + 1),
              java.nio.charset.StandardCharsets.UTF_8);
        }
      } catch (IllegalArgumentException e) {
        // A malformed escape matches nothing.
        continue;
      }
    }
    return null;
  }
}

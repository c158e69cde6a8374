package io.signetmesh.path;

import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The path of an exact or prefix match of a route, as the requests of a Server are matched against
 * it. Requests come with their path in normal form (see {@link RequestPath}), or are refused.
 *
 * @param text what requests are matched against; never wider than what was written
 * @param meaning which requests have it
 * @param refusal why a request with this path is refused; null when {@code meaning} is not {@link
 *     Meaning#REFUSED}
 */
public record RoutePath(String text, Meaning meaning, @Nullable String refusal) {
  private static final Pattern SLASHES = Pattern.compile("/{2,}");

  /** Which requests have the path of a route. */
  public enum Meaning {
    /** The requests that the path says. */
    LITERAL,
    /** As {@link #LITERAL}; the path has parameters, which lenient applications leave out. */
    PARAMETERS,
    /** Those whose path has no empty segments but is the same otherwise. */
    MERGED,
    /** None: dot segments are removed from the paths of requests (RFC 3986 5.2.4). */
    DOT_SEGMENTS,
    /** None: the path is nothing but several slashes, and "/" would be much wider. */
    SLASHES_ONLY,
    /** None: a path ends before a query and a fragment (RFC 3986 3.3). */
    BEYOND_PATH,
    /** None: requests with this path are refused. */
    REFUSED
  }

  /**
   * Reads the path of a route whose requests have their path in normal form.
   *
   * @param written value of the match, which begins with a slash
   */
  public static RoutePath of(String written) {
    if (isBeyondPath(written)) {
      return new RoutePath(written, Meaning.BEYOND_PATH, null);
    }
    String path = LenientPath.ofPolicy(written);
    CharSequence normal = RequestPath.normalize(path);
    if (normal == null) {
      return new RoutePath(path, Meaning.REFUSED, RequestPath.refusal(path));
    }
    if (normal.toString().equals(path)) {
      Meaning meaning =
          path.contains(";") || path.contains("%3B") ? Meaning.PARAMETERS : Meaning.LITERAL;
      return new RoutePath(path, meaning, null);
    }
    String merged = SLASHES.matcher(path).replaceAll("/");
    if (!merged.contentEquals(normal)) {
      return new RoutePath(path, Meaning.DOT_SEGMENTS, null);
    }
    return merged.length() == 1
        ? new RoutePath(path, Meaning.SLASHES_ONLY, null)
        : new RoutePath(merged, Meaning.MERGED, null);
  }

  /**
   * The path of a route whose requests keep the path that they came with.
   *
   * @param written value of the match
   * @return with escapes as requests have them; segments stay as they are
   */
  public static String asWritten(String written) {
    return isBeyondPath(written) ? written : LenientPath.ofPolicy(written);
  }

  /** Whether a text has a query or a fragment, and so is no path. */
  public static boolean isBeyondPath(String written) {
    return written.indexOf('?') >= 0 || written.indexOf('#') >= 0;
  }
}

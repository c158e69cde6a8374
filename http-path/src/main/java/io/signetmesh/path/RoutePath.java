package io.signetmesh.path;

import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The path of an exact or prefix match of a route, in the form that requests are matched against.
 * At a Server, requests have a normalized path (see {@link RequestPath}) or are refused.
 *
 * @param text path to match requests against; never wider than the one in the route
 * @param meaning which requests match
 * @param refusal why requests with this path are refused; null unless {@code meaning} is {@link
 *     Meaning#REFUSED}
 */
public record RoutePath(String text, Meaning meaning, @Nullable String refusal) {
  private static final Pattern SLASHES = Pattern.compile("/{2,}");

  /** Which requests the path of a route matches. */
  public enum Meaning {
    /** The requests with this path. */
    LITERAL,
    /**
     * As {@link #LITERAL}. The path has parameters ({@code ;...}), which lenient applications
     * ignore.
     */
    PARAMETERS,
    /** The requests with this path after runs of slashes are merged. */
    MERGED,
    /** None: dot segments are removed from the paths of requests (RFC 3986, section 5.2.4). */
    DOT_SEGMENTS,
    /**
     * None: the path consists of several slashes. Merging them would give "/", which is much wider.
     */
    SLASHES_ONLY,
    /**
     * None: the text contains {@code ?} or {@code #}, at which a path ends (RFC 3986, section 3.3).
     */
    BEYOND_PATH,
    /** None: requests with this path are refused. */
    REFUSED
  }

  /**
   * Interprets the path of a route at a Server, where requests have a normalized path.
   *
   * @param written path in the route; starts with a slash
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
   * Converts the path of a route whose requests keep their path as received.
   *
   * @param written path in the route
   * @return the path with the escapes that requests have; its segments are unchanged
   */
  public static String asWritten(String written) {
    return isBeyondPath(written) ? written : LenientPath.ofPolicy(written);
  }

  /** Whether the text contains a query or a fragment, and so is not a path. */
  public static boolean isBeyondPath(String written) {
    return written.indexOf('?') >= 0 || written.indexOf('#') >= 0;
  }
}

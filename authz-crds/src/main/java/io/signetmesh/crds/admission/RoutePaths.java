package io.signetmesh.crds.admission;

import static io.signetmesh.crds.admission.ObjectFindings.quoted;

import java.util.Optional;
import java.util.regex.Pattern;

/**
 * Paths of routes of Servers that no request has. Requests come with their path in normal form (RFC
 * 3986 6.2.2, without empty segments), or are refused.
 */
final class RoutePaths {
  private static final Pattern HAS_NO_NORMAL_FORM =
      Pattern.compile("(?i)%2f|%5c|%00|[\\\\?#\\p{Cntrl}]|%(?![0-9a-f]{2})");
  private static final Pattern ESCAPED_DOT = Pattern.compile("(?i)%2e");
  private static final Pattern DOT_SEGMENT = Pattern.compile("/\\.{1,2}(?:/|$)");
  private static final Pattern SLASHES = Pattern.compile("/{2,}");
  private static final Pattern PARAMETER = Pattern.compile("(?i);|%3b");
  private static final Pattern DOTS_WITH_PARAMETER =
      Pattern.compile("(?i)/(?:\\.|%2e){1,2}(?:;|%3b)");

  /** An expression of which each letter stands for itself, as far as it matters here. */
  private static final Pattern BRANCHES = Pattern.compile("[|(\\[\\\\]");

  private static final Pattern OTHER_BEGINNING =
      Pattern.compile("\\^?[A-Za-z0-9%_~:@-](?![*?{]).*");
  private static final Pattern LOWER_ESCAPE =
      Pattern.compile("%(?:[0-9A-Fa-f][a-f]|[a-f][0-9A-Fa-f])(?![*?{])");
  private static final Pattern EMPTY_SEGMENT = Pattern.compile("//(?![*?{])");

  private RoutePaths() {}

  /**
   * What is odd about the path of an exact or prefix match.
   *
   * @param path begins with a slash
   * @param inbound whether the route has a Server as parent
   */
  static Optional<String> problem(String path, boolean inbound) {
    if (HAS_NO_NORMAL_FORM.matcher(path).find()) {
      return Optional.of(
          quoted(path)
              + " is the path of no request: paths are normalized before they are matched, and those"
              + " with %2F, %5C, a backslash, '?', '#', a control character or a malformed escape are"
              + " refused");
    }
    if (!inbound) {
      return Optional.empty();
    }
    if (DOTS_WITH_PARAMETER.matcher(path).find()) {
      return Optional.of(
          quoted(path)
              + " is the path of no request: those with parameters of a dot segment are refused");
    }
    String dotted = ESCAPED_DOT.matcher(path).replaceAll(".");
    if (DOT_SEGMENT.matcher(dotted).find()) {
      return Optional.of(
          quoted(path)
              + " is the path of no request: dot segments are removed from paths before they are"
              + " matched");
    }
    String normal = SLASHES.matcher(dotted).replaceAll("/");
    if (normal.equals("/") && !path.equals("/")) {
      return Optional.of(
          quoted(path)
              + " is the path of no request: runs of slashes are merged before paths are matched;"
              + " \"/\" is the prefix of all paths");
    }
    if (!normal.equals(dotted)) {
      return Optional.of(
          quoted(path) + " is taken for " + quoted(normal) + ", as the paths of requests are");
    }
    return PARAMETER.matcher(path).find()
        ? Optional.of(
            quoted(path)
                + " has parameters (';'): its requests are refused, unless they take the same route"
                + " without them")
        : Optional.empty();
  }

  /** What of an expression of paths surely keeps it from matching any; it compiles. */
  static Optional<String> expressionProblem(String expression) {
    if (BRANCHES.matcher(expression).find()) {
      return Optional.empty();
    }
    String why =
        OTHER_BEGINNING.matcher(expression).matches()
            ? "they begin with '/'"
            : LOWER_ESCAPE.matcher(expression).find()
                ? "the escapes in them have upper-case digits"
                : EMPTY_SEGMENT.matcher(expression).find() ? "they have no empty segments" : null;
    return why == null
        ? Optional.empty()
        : Optional.of(
            quoted(expression) + " matches no path: paths are normalized, so that " + why);
  }
}

package io.signetmesh.crds.admission;

import static io.signetmesh.crds.admission.ObjectFindings.quoted;

import io.signetmesh.path.RoutePath;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * Paths of routes of Servers that no request has. Requests come with their path in normal form (RFC
 * 3986 6.2.2, without empty segments), or are refused.
 */
final class RoutePaths {
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
   * @param inbound whether the route has a Server as parent, so that paths come in normal form
   */
  static Optional<String> problem(String path, boolean inbound) {
    if (RoutePath.isBeyondPath(path)) {
      return Optional.of(
          quoted(path) + " is the path of no request: a path ends before '?' and '#'");
    }
    if (!inbound) {
      return Optional.empty();
    }
    RoutePath read = RoutePath.of(path);
    String no = quoted(path) + " is the path of no request: ";
    return switch (read.meaning()) {
      case LITERAL, BEYOND_PATH -> Optional.empty();
      case PARAMETERS ->
          Optional.of(
              quoted(path)
                  + " has parameters (';'): its requests are refused, unless they take the same"
                  + " route without them");
      case MERGED ->
          Optional.of(
              quoted(path)
                  + " is taken for "
                  + quoted(read.text())
                  + ", as the paths of requests are");
      case DOT_SEGMENTS ->
          Optional.of(no + "dot segments are removed from paths before they are matched");
      case SLASHES_ONLY ->
          Optional.of(
              no
                  + "runs of slashes are merged before paths are matched; \"/\" is the prefix of all"
                  + " paths");
      case REFUSED -> Optional.of(no + "those with " + read.refusal() + " are refused");
    };
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

package io.signetmesh.proxy.http;

import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A target as records show it: without what may be secret. Queries, fragments, path parameters and
 * user information are left out, also where their delimiters are escaped, once or several times:
 * applications that decode a path before they split it read them all the same.
 */
final class RecordedTarget {
  private static final String PERCENT = "%(?:25)*";
  private static final Pattern QUERY_OR_FRAGMENT =
      Pattern.compile("[?#]|" + PERCENT + "(?:3[fF]|23)");

  /** All of a segment behind its first semicolon. */
  private static final Pattern PARAMETERS =
      Pattern.compile("(;|" + PERCENT + "3[bB])(?:(?!" + PERCENT + "2[fF])[^/])*");

  private static final Pattern USER = Pattern.compile("^.*(?:@|" + PERCENT + "40)");

  private RecordedTarget() {}

  static String of(@Nullable CharSequence target) {
    if (target == null) {
      return "";
    }
    String plain = target.toString();
    if (!plain.startsWith("/")) {
      // Of a target that is no path, all goes that may be a password: it may hold any character.
      plain = USER.matcher(plain).replaceFirst("");
    }
    var end = QUERY_OR_FRAGMENT.matcher(plain);
    if (end.find()) {
      plain = plain.substring(0, end.start());
    }
    return PARAMETERS.matcher(plain).replaceAll("$1");
  }
}

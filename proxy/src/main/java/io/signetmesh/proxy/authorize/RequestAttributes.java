package io.signetmesh.proxy.authorize;

import java.util.Iterator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** An HTTP request as route matching sees it. Instances are reused for the next request. */
public interface RequestAttributes {
  /** Method token, e.g. {@code GET}. */
  CharSequence method();

  /** Path with query as it is forwarded, starting with {@code /}, or {@code *}. */
  CharSequence path();

  /** Authority (host, optional port) of the request; empty when it has none. */
  CharSequence authority();

  /** First value of a header, by lower-case name; null when it is absent. */
  @Nullable CharSequence header(CharSequence lowerCaseName);

  /**
   * Whether a header, by lower-case name, has several values that are not all equal, so that {@link
   * #header} is not all that an application may read.
   */
  boolean repeats(CharSequence lowerCaseName);

  /** What regular expressions have said about the request and cost; the same for all questions. */
  ExpressionWork expressions();

  /** Whether not all values are equal. */
  static boolean differ(Iterator<? extends CharSequence> values) {
    CharSequence first = values.hasNext() ? values.next() : "";
    while (values.hasNext()) {
      if (CharSequence.compare(first, values.next()) != 0) {
        return true;
      }
    }
    return false;
  }

  /** The Cookie header that an application gets from several Cookie fields (RFC 9113 8.2.3). */
  static String cookie(List<? extends CharSequence> crumbs) {
    return String.join("; ", crumbs);
  }
}

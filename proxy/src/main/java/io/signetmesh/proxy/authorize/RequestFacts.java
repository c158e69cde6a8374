package io.signetmesh.proxy.authorize;

import org.jspecify.annotations.Nullable;

/** What route matching may look at of an HTTP request. Implementations are reused per stream. */
public interface RequestFacts {
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
}

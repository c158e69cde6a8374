package io.signetmesh.jwt;

import org.jspecify.annotations.Nullable;

/** Cookies of a request (RFC 6265 section 4.2). */
public final class Cookies {
  private Cookies() {}

  /**
   * Removes the cookies of a name. What is left is byte for byte as it was.
   *
   * @param field value of a {@code Cookie} field
   * @return the rest; the same text when there was none of them; null when nothing is left
   */
  public static @Nullable String without(CharSequence field, String name) {
    return null;
  }
}

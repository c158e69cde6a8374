package io.signetmesh.jwt;

import io.signetmesh.jwt.jose.JsonText;
import java.util.Set;

/** Names of header fields that a policy may read or write (RFC 9110 section 5.1). */
final class FieldNames {
  private static final int MAX_LENGTH = 128;
  private static final String TOKEN_CHARACTERS = "!#$%&'*+-.^_`|~";

  /** Fields that say where a message ends, where it goes and how it gets there. */
  private static final Set<String> RESERVED =
      Set.of(
          "connection",
          "content-length",
          "host",
          "keep-alive",
          "proxy-connection",
          "te",
          "trailer",
          "transfer-encoding",
          "upgrade");

  private FieldNames() {}

  /**
   * Refuses what is no name in lower case.
   *
   * @throws InvalidAuthenticationException with the name
   */
  static String required(String name) throws InvalidAuthenticationException {
    boolean valid = !name.isEmpty() && name.length() <= MAX_LENGTH;
    for (int i = 0; i < name.length() && valid; i++) {
      char c = name.charAt(i);
      valid = c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || TOKEN_CHARACTERS.indexOf(c) >= 0;
    }
    if (!valid) {
      throw new InvalidAuthenticationException(
          "header "
              + JsonText.quoted(name)
              + ": expected a field name in lower case, at most "
              + MAX_LENGTH
              + " characters");
    }
    return name;
  }

  /**
   * Refuses as well what a message cannot be without: it is removed from each request.
   *
   * @throws InvalidAuthenticationException with the name
   */
  static String writable(String name) throws InvalidAuthenticationException {
    if (RESERVED.contains(required(name))) {
      throw new InvalidAuthenticationException(
          "header " + JsonText.quoted(name) + ": claims cannot replace it");
    }
    return name;
  }
}

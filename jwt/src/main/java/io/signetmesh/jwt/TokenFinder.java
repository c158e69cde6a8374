package io.signetmesh.jwt;

/** Finds the token of an authentication in a request head. */
public final class TokenFinder {
  /** Longest token, in bytes. */
  public static final int MAX_TOKEN = 16 * 1024;

  /** The request has no token. */
  public static final int NONE = -1;

  /** The request has more than one. */
  public static final int MANY = -2;

  /** The request has one that is longer than {@link #MAX_TOKEN}. */
  public static final int TOO_LARGE = -3;

  private TokenFinder() {}

  /** Finds the token at the authentication's locations. Any two are one too many. */
  public static FoundToken find(TokenAuthentication authentication, HeadFields head) {
    return FoundToken.MANY;
  }

  /**
   * Finds the token without a new array.
   *
   * @param into gets the token's bytes; at least {@link #MAX_TOKEN} long
   * @return length of the token, or {@link #NONE}, {@link #MANY} or {@link #TOO_LARGE}
   */
  public static int find(TokenAuthentication authentication, HeadFields head, byte[] into) {
    return MANY;
  }
}

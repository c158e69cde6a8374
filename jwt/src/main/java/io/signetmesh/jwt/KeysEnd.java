package io.signetmesh.jwt;

/**
 * When the keys of an authentication end. It moves while the keys stay the same: each time that
 * they are fetched, they may be used for longer. Safe for use by several threads.
 */
final class KeysEnd {
  private volatile long millis;

  /**
   * @param millis milliseconds since 1970; {@link Long#MAX_VALUE} for never
   */
  KeysEnd(long millis) {
    this.millis = millis;
  }

  long millis() {
    return millis;
  }

  void move(long end) {
    millis = end;
  }
}

package io.signetmesh.identity.attest;

import java.io.IOException;

/** Where the keys of an issuer are. Implementations may block, and are thread-safe. */
@FunctionalInterface
interface KeySource {
  /** Longest key set taken: some hundred RSA keys. */
  int MAX_BYTES = 256 * 1024;

  /**
   * Fetches them.
   *
   * @return a JWK set (RFC 7517 section 5)
   * @throws IOException when it cannot be had; the message says why
   */
  String fetch() throws IOException;
}

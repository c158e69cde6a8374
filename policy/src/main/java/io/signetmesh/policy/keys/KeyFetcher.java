package io.signetmesh.policy.keys;

import io.signetmesh.policy.token.KeyLocation;

/** Fetches key sets. */
@FunctionalInterface
public interface KeyFetcher {
  /**
   * The text of the key set at a location. Waits for it, for a bounded time.
   *
   * @throws KeyFetchException when it cannot be had
   */
  String fetch(KeyLocation location) throws KeyFetchException;
}

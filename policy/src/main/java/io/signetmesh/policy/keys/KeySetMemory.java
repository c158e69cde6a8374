package io.signetmesh.policy.keys;

import io.signetmesh.policy.token.KeyLocation;
import java.time.Instant;
import java.util.Collection;
import java.util.Optional;

/** Remembers the last good key set of each location beyond the life of the process. */
public interface KeySetMemory {
  /**
   * A key set that was good.
   *
   * @param jwks its usable keys, public keys only
   * @param fetchedAt when it was fetched
   */
  record Kept(String jwks, Instant fetchedAt) {}

  /** The last one of a location; empty when none is known. */
  Optional<Kept> load(KeyLocation location);

  /** Replaces the last one of a location. */
  void save(KeyLocation location, Kept kept);

  /** Forgets those of all other locations. */
  void retain(Collection<KeyLocation> locations);

  /** Remembers nothing. */
  static KeySetMemory none() {
    return new KeySetMemory() {
      @Override
      public Optional<Kept> load(KeyLocation location) {
        return Optional.empty();
      }

      @Override
      public void save(KeyLocation location, Kept kept) {}

      @Override
      public void retain(Collection<KeyLocation> locations) {}
    };
  }
}

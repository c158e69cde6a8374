package io.signetmesh.policy.fetch;

import com.google.protobuf.ByteString;
import io.signetmesh.policy.document.DocumentLocation;
import java.time.Instant;
import java.util.Collection;
import java.util.Optional;

/** Remembers the last good document of each location beyond the life of the process. */
public interface DocumentMemory {
  /**
   * A document that was good.
   *
   * @param content the bundle, or the usable keys of a key set as JSON, public keys only
   * @param fetchedAt when it was fetched
   */
  record Kept(ByteString content, Instant fetchedAt) {}

  /** The last one of a location; empty when none is known. */
  Optional<Kept> load(DocumentLocation location);

  /** Replaces the last one of a location. */
  void save(DocumentLocation location, Kept kept);

  /** Forgets those of all other locations. */
  void retain(Collection<DocumentLocation> locations);

  /** Remembers nothing. */
  static DocumentMemory none() {
    return new DocumentMemory() {
      @Override
      public Optional<Kept> load(DocumentLocation location) {
        return Optional.empty();
      }

      @Override
      public void save(DocumentLocation location, Kept kept) {}

      @Override
      public void retain(Collection<DocumentLocation> locations) {}
    };
  }
}

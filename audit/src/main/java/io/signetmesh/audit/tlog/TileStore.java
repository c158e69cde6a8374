package io.signetmesh.audit.tlog;

import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * Where the parts of a log are, by their paths below its prefix: {@code checkpoint} and the paths
 * of {@link TilePath}. An implementation is thread-safe.
 */
public interface TileStore {
  /** Path of the newest checkpoint. */
  String CHECKPOINT = "checkpoint";

  /**
   * Path of the checkpoint that is published next. It is durable before anybody sees it at {@link
   * #CHECKPOINT}, so that no other one of its size is ever signed.
   */
  String PENDING = "checkpoint.pending";

  /** Path of the note that says which entries were deleted, see {@link MinimumIndex}. */
  String MINIMUM = "minimum-index";

  /** Path of the newest checkpoint that has cosignatures of witnesses. */
  String COSIGNED = "checkpoint.cosigned";

  /**
   * Whether there is no part.
   *
   * @throws IOException when that cannot be found out
   */
  boolean isEmpty() throws IOException;

  /**
   * Reads a part.
   *
   * @return null when there is none
   * @throws IOException when it cannot be read
   */
  byte @Nullable [] get(String path) throws IOException;

  /**
   * Writes a part in place of what was there, as a whole or not at all. It is durable when this
   * returns, unless the store was made without. It may be seen before.
   *
   * @throws IOException when it cannot be written; the part is as before, or it is the new one and
   *     not durable
   */
  void put(String path, byte[] content) throws IOException;

  /**
   * Deletes the partial tiles of a place, which are not needed beside the full one.
   *
   * @throws IOException when they cannot be deleted; some may be left
   */
  void deletePartial(TilePath full) throws IOException;

  /**
   * Deletes a full bundle of entries; nothing when there is none.
   *
   * @throws IOException when it cannot be deleted, or nothing is deleted from such a store
   */
  default void deleteEntries(long bundle) throws IOException {
    throw new IOException(this + ": expected a store from which entries may be deleted");
  }
}

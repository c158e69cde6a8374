package io.signetmesh.collector.index;

import io.signetmesh.audit.tlog.TilePath;
import io.signetmesh.audit.tlog.TileStore;
import io.signetmesh.audit.tlog.TreeHash;
import java.io.IOException;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The tiles of a log as they were at an earlier size, to read only. A log keeps partial tiles of
 * the sizes at which it had a checkpoint; those of other sizes are the beginnings of larger ones.
 *
 * @param store of the log
 * @param size of the log now
 */
record EarlierTiles(TileStore store, long size) implements TileStore {
  @Override
  public boolean isEmpty() throws IOException {
    return store.isEmpty();
  }

  @Override
  public byte @Nullable [] get(String path) throws IOException {
    byte[] found = store.get(path);
    if (found != null) {
      return found;
    }
    TilePath wanted = TilePath.parse(path);
    int shift = 8 * wanted.level();
    if (wanted.level() == TilePath.ENTRIES || !wanted.isPartial() || shift >= Long.SIZE) {
      return null;
    }
    long width = (size >>> shift) - wanted.index() * TilePath.WIDTH;
    if (width <= wanted.width()) {
      return null;
    }
    TilePath larger =
        new TilePath(wanted.level(), wanted.index(), (int) Math.min(TilePath.WIDTH, width));
    byte[] hashes = store.get(larger.toString());
    int bytes = wanted.width() * TreeHash.BYTES;
    return hashes == null || hashes.length < bytes ? null : Arrays.copyOf(hashes, bytes);
  }

  @Override
  public void put(String path, byte[] content) throws IOException {
    throw new IOException("a log is only read at an earlier size");
  }

  @Override
  public void deletePartial(TilePath full) throws IOException {
    throw new IOException("a log is only read at an earlier size");
  }
}

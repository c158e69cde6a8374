package io.signetmesh.bench.audit;

import io.signetmesh.audit.tlog.EntryBundle;
import io.signetmesh.audit.tlog.TilePath;
import io.signetmesh.audit.tlog.TileStore;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A log whose full bundles are not kept but made again when they are read, for small disks. */
final class MadeTiles implements TileStore {
  private final TileStore kept;
  private final GeneratedRecords records;

  MadeTiles(TileStore kept, GeneratedRecords records) {
    this.kept = kept;
    this.records = records;
  }

  private static @Nullable TilePath bundle(String path) {
    if (!path.startsWith("tile/entries/")) {
      return null;
    }
    TilePath parsed = TilePath.parse(path);
    return parsed.isPartial() ? null : parsed;
  }

  @Override
  public boolean isEmpty() throws IOException {
    return kept.isEmpty();
  }

  @Override
  public byte @Nullable [] get(String path) throws IOException {
    TilePath bundle = bundle(path);
    if (bundle == null) {
      return kept.get(path);
    }
    long first = bundle.index() * TilePath.WIDTH;
    List<byte[]> entries = new ArrayList<>();
    for (long i = first; i < first + TilePath.WIDTH; i++) {
      entries.add(records.entry(i));
    }
    return EntryBundle.encode(entries);
  }

  @Override
  public void put(String path, byte[] content) throws IOException {
    if (bundle(path) == null) {
      kept.put(path, content);
    }
  }

  @Override
  public void deletePartial(TilePath full) throws IOException {
    kept.deletePartial(full);
  }
}

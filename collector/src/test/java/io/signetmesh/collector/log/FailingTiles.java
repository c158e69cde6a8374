package io.signetmesh.collector.log;

import io.signetmesh.audit.tlog.TilePath;
import io.signetmesh.audit.tlog.TileStore;
import java.io.IOException;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** Parts of a log in memory; writes fail when a test says so. */
public final class FailingTiles implements TileStore {
  private final TreeMap<String, byte[]> parts = new TreeMap<>();

  /** Writes until all fail; negative: none does. */
  public int room = -1;

  /** Whether the first write that fails has taken effect nevertheless. */
  public boolean takesEffect;

  @Override
  public synchronized boolean isEmpty() {
    return parts.isEmpty();
  }

  @Override
  public synchronized byte @Nullable [] get(String path) {
    byte[] found = parts.get(path);
    return found == null ? null : found.clone();
  }

  @Override
  public synchronized void put(String path, byte[] content) throws IOException {
    if (room == 0) {
      if (takesEffect) {
        takesEffect = false;
        parts.put(path, content.clone());
      }
      throw new IOException("No space left on device");
    }
    room--;
    parts.put(path, content.clone());
  }

  /** Changes a part, or takes it away. */
  synchronized void set(String path, byte @Nullable [] content) {
    if (content == null) {
      parts.remove(path);
    } else {
      parts.put(path, content);
    }
  }

  @Override
  public synchronized void deletePartial(TilePath full) {
    parts.keySet().removeIf(path -> path.startsWith(full.full() + ".p/"));
  }
}

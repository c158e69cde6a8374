package io.signetmesh.audit.tlog;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashSet;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** A log in memory, whose writes can be made to fail. */
final class MemoryTiles implements TileStore {
  final TreeMap<String, byte[]> parts = new TreeMap<>();

  private final TreeMap<String, byte[]> durable = new TreeMap<>();

  /** All checkpoints that somebody may have read. */
  final Set<String> seen = new LinkedHashSet<>();

  /** Writes until one fails; negative: none does. */
  int failAfter = -1;

  /** Whether the write that fails is seen nevertheless, without being durable. */
  boolean failLate;

  MemoryTiles() {}

  MemoryTiles(MemoryTiles other) {
    other.parts.forEach((path, content) -> parts.put(path, content.clone()));
    durable.putAll(parts);
  }

  /** A part that is there. */
  byte[] part(String path) {
    return Objects.requireNonNull(parts.get(path), path);
  }

  @Override
  public byte @Nullable [] get(String path) {
    byte[] found = parts.get(path);
    return found == null ? null : found.clone();
  }

  @Override
  public boolean isEmpty() {
    return parts.isEmpty();
  }

  @Override
  public void put(String path, byte[] content) throws IOException {
    if (failAfter == 0) {
      if (failLate) {
        see(path, content);
      }
      throw new IOException("No space left on device");
    }
    failAfter--;
    see(path, content);
    durable.put(path, content.clone());
  }

  private void see(String path, byte[] content) {
    parts.put(path, content.clone());
    if (path.equals(CHECKPOINT)) {
      seen.add(new String(content, StandardCharsets.UTF_8));
    }
  }

  /** The power fails: what was not durable is lost. */
  void crash() {
    parts.clear();
    durable.forEach((path, content) -> parts.put(path, content.clone()));
  }

  @Override
  public void deletePartial(TilePath full) {
    parts.keySet().removeIf(path -> path.startsWith(full.full() + ".p/"));
    durable.keySet().retainAll(parts.keySet());
  }
}

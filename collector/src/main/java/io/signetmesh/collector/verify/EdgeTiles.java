package io.signetmesh.collector.verify;

import io.signetmesh.audit.tlog.EntryBundle;
import io.signetmesh.audit.tlog.MalformedLogException;
import io.signetmesh.audit.tlog.TilePath;
import io.signetmesh.audit.tlog.TileStore;
import io.signetmesh.audit.tlog.TreeHash;
import io.signetmesh.collector.query.LogDirectory;
import io.signetmesh.collector.verify.Finding.Kind;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.regex.Pattern;

/**
 * Compares the partial tiles of earlier sizes, which are left until a tile is full, with the one of
 * the checkpoint: whoever has an earlier checkpoint reads them.
 */
final class EdgeTiles {
  private static final Pattern WIDTH = Pattern.compile("[1-9][0-9]{0,2}");

  private final Path directory;
  private final LogDirectory log;
  private final Findings findings;

  EdgeTiles(Path directory, LogDirectory log, Findings findings) {
    this.directory = directory;
    this.log = log;
    this.findings = findings;
  }

  void check() throws IOException {
    check(TilePath.ENTRIES, log.size());
    for (int level = 0; level < 8; level++) {
      check(level, log.size() >>> (8 * level));
    }
  }

  /** Checks those beside the partial tile of a level, if it has one. */
  private void check(int level, long width) throws IOException {
    int rest = (int) (width % TilePath.WIDTH);
    if (rest == 0) {
      return;
    }
    TilePath newest = new TilePath(level, width / TilePath.WIDTH, rest);
    if (findings.list().stream().anyMatch(one -> one.where().equals(newest.toString()))) {
      // Nothing can be compared with what is damaged itself.
      return;
    }
    byte[] whole = get(newest);
    Path parts = directory.resolve(newest.full() + ".p");
    try (DirectoryStream<Path> files = Files.newDirectoryStream(parts)) {
      for (Path file : files) {
        String name = String.valueOf(file.getFileName());
        if (!WIDTH.matcher(name).matches() || Integer.parseInt(name) >= rest) {
          // The newest is checked by its hashes. What is wider is of a checkpoint to come.
          continue;
        }
        TilePath older = new TilePath(level, newest.index(), Integer.parseInt(name));
        byte[] part = get(older);
        if (whole.length > 0 && !(isWhole(older, part) && LogCheck.isPrefix(part, whole))) {
          findings.add(
              level == TilePath.ENTRIES ? Kind.CHANGED : Kind.HASHES,
              newest.index() * TilePath.WIDTH,
              newest.index() * TilePath.WIDTH,
              older.toString(),
              "the part of an earlier size is not the beginning of " + newest);
        }
      }
    } catch (NoSuchFileException e) {
      return;
    }
  }

  private static boolean isWhole(TilePath path, byte[] part) {
    if (path.level() != TilePath.ENTRIES) {
      return part.length == path.width() * TreeHash.BYTES;
    }
    try {
      return EntryBundle.decode(part).size() == path.width();
    } catch (MalformedLogException e) {
      return false;
    }
  }

  /** Nothing when it cannot be read: those of the checkpoint are reported by who verifies it. */
  private byte[] get(TilePath path) throws IOException {
    TileStore store = log.store();
    try {
      byte[] found = store.get(path.toString());
      return found == null ? new byte[0] : found;
    } catch (MalformedLogException e) {
      return new byte[0];
    }
  }
}

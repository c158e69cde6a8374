package io.signetmesh.collector.query;

import io.signetmesh.audit.tlog.Checkpoint;
import io.signetmesh.audit.tlog.FileTileStore;
import io.signetmesh.audit.tlog.LogReader;
import io.signetmesh.audit.tlog.MalformedLogException;
import io.signetmesh.audit.tlog.MinimumIndex;
import io.signetmesh.audit.tlog.NoteKey;
import io.signetmesh.audit.tlog.SignedNote;
import io.signetmesh.audit.tlog.TileStore;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A log in a directory as it was when its checkpoint was read. That the entries are those of the
 * checkpoint is for {@code LogCheck} to find out.
 *
 * @param path of the directory
 * @param store what it holds
 * @param note the checkpoint with its signatures
 * @param checkpoint what the note says
 * @param minimum first entry that is there; those before it were deleted by the log's operator
 */
public record LogDirectory(
    Path path, TileStore store, SignedNote note, Checkpoint checkpoint, long minimum) {
  /**
   * Opens a log to read it. Nothing is made or locked: a collector may write to it.
   *
   * @param key verifies the checkpoint; null when it is not verified
   * @throws MalformedLogException when there is no checkpoint, or it is malformed or not by the key
   * @throws NotDirectoryException when there is no directory
   * @throws IOException when it cannot be read
   */
  public static LogDirectory open(Path path, @Nullable NoteKey key) throws IOException {
    if (!Files.isDirectory(path)) {
      throw new NotDirectoryException(path.toString());
    }
    TileStore store = FileTileStore.toRead(path);
    LogDirectory log = read(path, store, key);
    if (log.minimum > log.size()) {
      // Entries may have been deleted after the checkpoint was read: the one of now is newer.
      log = read(path, store, key);
    }
    MinimumIndex.requireWithin(log.minimum, log.size());
    return log;
  }

  private static LogDirectory read(Path path, TileStore store, @Nullable NoteKey key)
      throws IOException {
    byte[] found = store.get(TileStore.CHECKPOINT);
    if (found == null) {
      throw new MalformedLogException("there is no checkpoint: expected the log of a collector");
    }
    SignedNote note = SignedNote.parse(found);
    if (!Arrays.equals(note.bytes(), found)) {
      throw new MalformedLogException(
          "the checkpoint is not written as it has to be: base64 with other spare bits");
    }
    Checkpoint checkpoint =
        key == null ? Checkpoint.parse(note.text()) : Checkpoint.open(found, key);
    return new LogDirectory(path, store, cosigned(store, note), checkpoint, minimum(store, key));
  }

  /** The same checkpoint with the signatures of witnesses, if it has them already. */
  private static SignedNote cosigned(TileStore store, SignedNote note) throws IOException {
    byte[] found = store.get(TileStore.COSIGNED);
    try {
      SignedNote cosigned = found == null ? note : SignedNote.parse(found);
      return cosigned.text().equals(note.text()) ? cosigned : note;
    } catch (MalformedLogException e) {
      return note;
    }
  }

  private static long minimum(TileStore store, @Nullable NoteKey key) throws IOException {
    long minimum = 0;
    byte[] found = store.get(TileStore.MINIMUM);
    if (key != null) {
      minimum = MinimumIndex.read(store, key);
    } else if (found != null) {
      String[] lines = SignedNote.parse(found).text().split("\n", -1);
      minimum = lines[1].matches("[0-9]{1,18}") ? Long.parseLong(lines[1]) : 0;
    }
    return minimum;
  }

  /** The same log as it is now. */
  public LogDirectory reopened(@Nullable NoteKey key) throws IOException {
    LogDirectory now = open(path, key);
    if (now.size() < size()) {
      throw new MalformedLogException(
          "the log had " + size() + " entries and has " + now.size() + ": it was set back");
    }
    return now;
  }

  /** Number of entries. */
  public long size() {
    return checkpoint.size();
  }

  /** Name of the log. */
  public String origin() {
    return checkpoint.origin();
  }

  /** Reads it at this size. */
  public LogReader reader() {
    return new LogReader(store, size(), minimum);
  }

  /**
   * The keys that have signed the checkpoint.
   *
   * @throws MalformedLogException when a signature of one of them is wrong
   */
  public List<NoteKey> signers(List<NoteKey> known) throws MalformedLogException {
    return note.verify(known);
  }
}

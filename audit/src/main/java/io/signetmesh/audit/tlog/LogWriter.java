package io.signetmesh.audit.tlog;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Appends to a log. What {@link #append} has returned is in the log and covered by a signed
 * checkpoint, also after a crash. A crash or a failure in between leaves the log as it was: what
 * was written is not covered by a checkpoint, and is written over. Thread-safe; there is one writer
 * of a log.
 */
public final class LogWriter {
  private static final Logger log = LoggerFactory.getLogger(LogWriter.class);

  private final TileStore store;
  private final NoteSigner signer;
  private TreeEdge edge;

  /** The bundle that is not full yet, as it is on the disk. */
  private byte[] lastBundle;

  private Checkpoint checkpoint;
  private SignedNote note;

  /** A checkpoint of which it is not known whether it was written; null when there is none. */
  private @Nullable State uncertain;

  /** What the log is after an append. */
  private record State(TreeEdge edge, byte[] lastBundle, Checkpoint checkpoint, SignedNote note) {}

  private LogWriter(
      TileStore store,
      NoteSigner signer,
      TreeEdge edge,
      byte[] lastBundle,
      Checkpoint checkpoint,
      SignedNote note) {
    this.store = store;
    this.signer = signer;
    this.edge = edge;
    this.lastBundle = lastBundle;
    this.checkpoint = checkpoint;
    this.note = note;
  }

  /**
   * Begins a log with the checkpoint of the empty tree.
   *
   * @param signer signs checkpoints; its name is the origin of the log
   * @throws MalformedLogException when the store has a part already: a log whose checkpoint is gone
   *     does not begin anew
   */
  public static LogWriter create(TileStore store, NoteSigner signer) throws IOException {
    if (!store.isEmpty()) {
      throw new MalformedLogException(
          store + " is not empty: expected nothing where log " + signer.key().name() + " begins");
    }
    Checkpoint empty = new Checkpoint(signer.key().name(), 0, TreeHash.EMPTY);
    SignedNote note = signer.sign(empty.text());
    publish(store, note);
    return new LogWriter(store, signer, new TreeEdge(), new byte[0], empty, note);
  }

  /**
   * Opens a log. That its checkpoint is the newest one ever signed cannot be seen from the store
   * alone: whoever knows a size from elsewhere, such as from a witness, says so.
   *
   * @param signer signs checkpoints; its name is the origin of the log
   * @param least entries that the log has at least, 0 or more
   * @throws MalformedLogException when there is no checkpoint, the newest one is not by the signer
   *     or of fewer entries, or what the store holds is not what it says: nothing is appended to a
   *     log that was changed
   */
  public static LogWriter open(TileStore store, NoteSigner signer, long least) throws IOException {
    byte[] pending = store.get(TileStore.PENDING);
    byte[] found = store.get(TileStore.CHECKPOINT);
    if (found == null) {
      found = pending;
    }
    if (found == null) {
      throw new MalformedLogException(
          store + " has no checkpoint: expected log " + signer.key().name());
    }
    Checkpoint newest = Checkpoint.open(found, signer.key());
    if (pending != null) {
      Checkpoint next = Checkpoint.open(pending, signer.key());
      if (next.size() > newest.size()) {
        found = pending;
        newest = next;
      }
    }
    if (newest.size() < least) {
      throw new MalformedLogException(
          "the checkpoint of "
              + newest.origin()
              + " is of "
              + newest.size()
              + " entries: expected "
              + least
              + " or more; an older state was brought back");
    }
    LogReader reader = new LogReader(store, newest.size());
    List<List<TreeHash>> partial = new ArrayList<>();
    for (int level = 0; reader.width(level) > 0; level++) {
      long width = reader.width(level);
      int rest = (int) (width % TilePath.WIDTH);
      partial.add(
          rest == 0 ? List.of() : reader.hashes(reader.tile(level, width / TilePath.WIDTH)));
    }
    TreeEdge edge = new TreeEdge(newest.size(), partial);
    requireRoot(edge, newest);
    long bundle = newest.size() / TilePath.WIDTH;
    byte[] lastBundle = new byte[0];
    if (newest.size() % TilePath.WIDTH != 0) {
      List<byte[]> entries = reader.bundle(bundle);
      for (int i = 0; i < entries.size(); i++) {
        if (!TreeHash.ofEntry(entries.get(i)).equals(partial.getFirst().get(i))) {
          throw new MalformedLogException(
              "entry " + (bundle * TilePath.WIDTH + i) + " has another hash than in its tile");
        }
      }
      lastBundle = EntryBundle.encode(entries);
    }
    SignedNote note = SignedNote.parse(found);
    publish(store, note);
    return new LogWriter(store, signer, edge, lastBundle, newest, note);
  }

  /** Has everybody see a checkpoint, once it is durable. */
  private static void publish(TileStore store, SignedNote note) throws IOException {
    store.put(TileStore.PENDING, note.bytes());
    store.put(TileStore.CHECKPOINT, note.bytes());
  }

  private static void requireRoot(TreeEdge edge, Checkpoint checkpoint)
      throws MalformedLogException {
    if (!edge.root().equals(checkpoint.root())) {
      throw new MalformedLogException(
          "the tiles of "
              + checkpoint.origin()
              + " lead to root "
              + edge.root()
              + ", its checkpoint of "
              + checkpoint.size()
              + " entries says "
              + checkpoint.root());
    }
  }

  /**
   * Appends entries and signs a checkpoint over them.
   *
   * @param entries at most {@link EntryBundle#MAX_ENTRY} bytes each
   * @return index of the first one
   * @throws IOException when they cannot be written. They are in the log only if the disk failed
   *     after the last byte; {@link #checkpoint} says so after the next call
   * @throws IllegalArgumentException when one is too large: none is in the log
   */
  public synchronized long append(List<byte[]> entries) throws IOException {
    entries.forEach(EntryBundle::requireSize);
    settle();
    long first = checkpoint.size();
    if (entries.isEmpty()) {
      return first;
    }
    TreeEdge next = new TreeEdge(edge);
    Batch batch = new Batch(lastBundle);
    for (byte[] entry : entries) {
      batch.bundle(entry, next.size());
      next.add(TreeHash.ofEntry(entry), batch::tile);
    }
    batch.partial(next);
    for (Part part : batch.parts) {
      store.put(part.path.toString(), part.content);
    }
    Checkpoint signed = new Checkpoint(checkpoint.origin(), next.size(), next.root());
    State after = new State(next, batch.open.toByteArray(), signed, signer.sign(signed.text()));
    uncertain = after;
    publish(store, after.note);
    become(after);
    for (Part part : batch.parts) {
      if (!part.path.isPartial()) {
        tidy(part.path);
      }
    }
    return first;
  }

  /** The entries are in the log: what is left beside them is no failure. */
  private void tidy(TilePath full) {
    try {
      store.deletePartial(full);
    } catch (IOException | RuntimeException e) {
      log.warn("partial tiles of {} are left", full, e);
    }
  }

  private void become(State state) {
    edge = state.edge;
    lastBundle = state.lastBundle;
    checkpoint = state.checkpoint;
    note = state.note;
    uncertain = null;
  }

  /**
   * Finds out whether a checkpoint was written whose write has failed. Somebody may have read it:
   * no other one of that size may ever be signed.
   */
  private void settle() throws IOException {
    State after = uncertain;
    if (after == null) {
      return;
    }
    if (Arrays.equals(store.get(TileStore.PENDING), after.note.bytes())) {
      // It may not be durable yet.
      publish(store, after.note);
      become(after);
    } else {
      // It never was there, so nobody has seen it.
      uncertain = null;
    }
  }

  /**
   * Deletes the entries before an index. Their hashes stay: proofs for the other entries, and later
   * checkpoints, are as good as before.
   *
   * @param index of the first entry that is kept: a multiple of 256, not behind the last full
   *     bundle
   * @throws IOException when some cannot be deleted. The note of it is durable before the first one
   *     is; the next call deletes what is left
   * @throws IllegalArgumentException when the index has another value
   */
  public synchronized void deleteBefore(long index) throws IOException {
    long known = MinimumIndex.read(store, signer.key());
    long least = Math.max(known, index);
    if (index % TilePath.WIDTH != 0 || index < 0 || index > checkpoint.size()) {
      throw new IllegalArgumentException(
          "entries before "
              + index
              + " of "
              + checkpoint.size()
              + ": expected full bundles, 256 entries each");
    }
    if (least > known) {
      MinimumIndex.write(store, signer, least);
    }
    // From the last one that was to be deleted down to one that is gone, then the others.
    for (long bundle = known / TilePath.WIDTH - 1; bundle >= 0 && has(bundle); bundle--) {
      store.deleteEntries(bundle);
    }
    for (long bundle = known / TilePath.WIDTH; bundle < least / TilePath.WIDTH; bundle++) {
      store.deleteEntries(bundle);
    }
  }

  private boolean has(long bundle) throws IOException {
    return store.get(TilePath.entries(bundle, TilePath.WIDTH).toString()) != null;
  }

  /** The newest checkpoint. */
  public synchronized Checkpoint checkpoint() {
    return checkpoint;
  }

  /** The newest checkpoint with its signature. */
  public synchronized SignedNote note() {
    return note;
  }

  private record Part(TilePath path, byte[] content) {}

  /** What an append writes, in the order in which it is written. */
  private static final class Batch {
    final List<Part> parts = new ArrayList<>();
    ByteArrayOutputStream open = new ByteArrayOutputStream();

    Batch(byte[] begun) {
      open.writeBytes(begun);
    }

    void bundle(byte[] entry, long index) {
      open.writeBytes(EntryBundle.encode(List.of(entry)));
      if ((index + 1) % TilePath.WIDTH == 0) {
        parts.add(
            new Part(TilePath.entries(index / TilePath.WIDTH, TilePath.WIDTH), open.toByteArray()));
        open = new ByteArrayOutputStream();
      }
    }

    void tile(int level, long index, List<TreeHash> hashes) {
      byte[] content = new byte[hashes.size() * TreeHash.BYTES];
      for (int i = 0; i < hashes.size(); i++) {
        hashes.get(i).write(content, i * TreeHash.BYTES);
      }
      parts.add(new Part(new TilePath(level, index, hashes.size()), content));
    }

    void partial(TreeEdge edge) {
      if (open.size() > 0) {
        parts.add(
            new Part(
                TilePath.entries(
                    edge.size() / TilePath.WIDTH, (int) (edge.size() % TilePath.WIDTH)),
                open.toByteArray()));
      }
      for (int level = 0; level < edge.levels(); level++) {
        List<TreeHash> hashes = edge.partial(level);
        if (!hashes.isEmpty()) {
          tile(level, TilePath.fullTiles(edge.size(), level), hashes);
        }
      }
    }
  }
}

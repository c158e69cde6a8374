package io.signetmesh.audit.tlog;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Checks all that a store holds of a log against a checkpoint that is trusted, and says what is
 * missing or changed. Each entry is read and hashed once, whatever the tiles say: damage to tiles
 * alone is told apart from damage to entries. Memory does not grow with the log.
 */
public final class LogVerifier {
  /** Damages that are told; the log is bad enough then. */
  public static final int MAX_DAMAGES = 1000;

  private final LogReader reader;
  private final Checkpoint trusted;
  private final LongConsumer progress;
  private final List<Damage> damages = new ArrayList<>();
  private boolean isEdgeGood;

  private LogVerifier(LogReader reader, Checkpoint trusted, LongConsumer progress) {
    this.reader = reader;
    this.trusted = trusted;
    this.progress = progress;
  }

  /**
   * Verifies a log up to the size of a checkpoint.
   *
   * @param trusted a checkpoint whose signature the caller has verified
   * @param progress told of the number of entries that were read so far, after each bundle
   * @return what is wrong, in the order of the entries, at most {@link #MAX_DAMAGES}; empty when
   *     the log is complete and unaltered
   * @throws IOException when the store cannot be read
   */
  public static List<Damage> verify(TileStore store, Checkpoint trusted, LongConsumer progress)
      throws IOException {
    return verify(store, trusted, 0, progress);
  }

  /**
   * Verifies a log of which entries were deleted, up to the size of a checkpoint. In the place of
   * those that are not there, their hashes are verified.
   *
   * @param trusted a checkpoint whose signature the caller has verified
   * @param minimum first entry that has to be there, see {@link MinimumIndex}
   * @param progress told of the number of entries that were read so far, after each bundle
   * @return what is wrong, in the order of the entries, at most {@link #MAX_DAMAGES}; empty when
   *     the log is unaltered, and complete from the minimum on
   * @throws MalformedLogException when the minimum is beyond the end of the log
   * @throws IOException when the store cannot be read
   */
  public static List<Damage> verify(
      TileStore store, Checkpoint trusted, long minimum, LongConsumer progress) throws IOException {
    MinimumIndex.requireWithin(minimum, trusted.size());
    LogVerifier verifier =
        new LogVerifier(new LogReader(store, trusted.size(), minimum), trusted, progress);
    verifier.run();
    return List.copyOf(verifier.damages);
  }

  private void run() throws IOException {
    if (trusted.size() == 0) {
      return;
    }
    isEdgeGood = isEdgeGood();
    int top = 0;
    while (reader.width(top + 1) > 0) {
      top++;
    }
    // The edge from left to right: from the highest level down, what is right of it is lower.
    List<List<TreeHash>> found = new ArrayList<>();
    for (int level = 0; level <= top; level++) {
      found.add(List.of());
    }
    for (int level = top; level >= 0; level--) {
      long width = reader.width(level);
      if (width % TilePath.WIDTH != 0) {
        found.set(level, children(reader.tile(level, width / TilePath.WIDTH), null));
      }
    }
    boolean isGood = new TreeEdge(trusted.size(), found).root().equals(trusted.root());
    if (!isGood && damages.isEmpty()) {
      add(
          new Damage(
              Damage.Kind.CHANGED,
              0,
              trusted.size(),
              reader.tile(top, 0),
              "the entries lead to another root than the checkpoint says"));
    }
  }

  /** Whether the stored hashes of the partial tiles lead to the trusted root. */
  private boolean isEdgeGood() throws IOException {
    List<List<TreeHash>> partial = new ArrayList<>();
    for (int level = 0; reader.width(level) > 0; level++) {
      long width = reader.width(level);
      List<TreeHash> hashes =
          width % TilePath.WIDTH == 0
              ? List.of()
              : stored(reader.tile(level, width / TilePath.WIDTH));
      if (hashes == null) {
        return false;
      }
      partial.add(hashes);
    }
    return new TreeEdge(trusted.size(), partial).root().equals(trusted.root());
  }

  /** Hashes of a tile as the store has them; null when it has none. */
  private @Nullable List<TreeHash> stored(TilePath tile) throws IOException {
    try {
      return reader.hashes(tile);
    } catch (MalformedLogException e) {
      return null;
    }
  }

  /**
   * Checks what is below a tile.
   *
   * @param expected root of the tile, if it is full and a good tile above it says so
   * @return the hashes that the tile has to have, by the entries
   */
  private List<TreeHash> children(TilePath tile, @Nullable TreeHash expected) throws IOException {
    if (damages.size() >= MAX_DAMAGES) {
      // The size of a log is what its checkpoint says: it need not be as large.
      return Collections.nCopies(tile.width(), TreeHash.EMPTY);
    }
    @Nullable List<TreeHash> stored = stored(tile);
    boolean isGood =
        stored != null
            && (tile.isPartial()
                ? isEdgeGood
                : expected != null && TreeEdge.perfect(stored, 0, stored.size()).equals(expected));
    List<TreeHash> computed;
    if (tile.level() == 0 && isPruned(tile)) {
      return pruned(tile, stored, isGood, expected);
    }
    if (tile.level() == 0) {
      computed = entries(tile, isGood ? stored : null, expected);
    } else {
      computed = new ArrayList<>(tile.width());
      for (int i = 0; i < tile.width(); i++) {
        TilePath below = reader.tile(tile.level() - 1, tile.index() * TilePath.WIDTH + i);
        List<TreeHash> hashes = children(below, isGood && stored != null ? stored.get(i) : null);
        computed.add(TreeEdge.perfect(hashes, 0, hashes.size()));
      }
    }
    if (stored == null || !stored.equals(computed)) {
      report(tile, stored, isGood, computed, expected);
    }
    return computed;
  }

  /** Whether the entries of a tile were deleted and are not there. */
  private boolean isPruned(TilePath tile) throws IOException {
    if (!reader.isPruned(tile)) {
      return false;
    }
    try {
      reader.part(reader.tile(TilePath.ENTRIES, tile.index()));
      return false;
    } catch (MalformedLogException e) {
      return true;
    }
  }

  /** The hashes of a tile whose entries were deleted are all that there is. */
  private List<TreeHash> pruned(
      TilePath tile, @Nullable List<TreeHash> stored, boolean isGood, @Nullable TreeHash expected) {
    progress.accept(end(tile));
    if (stored != null && (isGood || expected == null)) {
      return stored;
    }
    add(
        new Damage(
            stored == null ? Damage.Kind.MISSING : Damage.Kind.HASHES,
            first(tile),
            end(tile),
            tile,
            (stored == null ? "the hashes are missing or malformed" : "the hashes have changed")
                + "; the entries were deleted"));
    return stored == null ? Collections.nCopies(tile.width(), TreeHash.EMPTY) : stored;
  }

  private void report(
      TilePath tile,
      @Nullable List<TreeHash> stored,
      boolean isGood,
      List<TreeHash> computed,
      @Nullable TreeHash expected) {
    if (isGood) {
      // The entries differ from good hashes: told where they are.
      return;
    }
    boolean areEntriesGood =
        expected != null && TreeEdge.perfect(computed, 0, computed.size()).equals(expected);
    add(
        new Damage(
            stored == null ? Damage.Kind.MISSING : Damage.Kind.HASHES,
            first(tile),
            end(tile),
            tile,
            (stored == null ? "the hashes are missing or malformed" : "the hashes have changed")
                + (areEntriesGood ? "; the entries are good" : "")));
  }

  private static long first(TilePath tile) {
    return tile.index() * TilePath.WIDTH << TilePath.HEIGHT * Math.max(0, tile.level());
  }

  private static long end(TilePath tile) {
    return first(tile) + ((long) tile.width() << TilePath.HEIGHT * Math.max(0, tile.level()));
  }

  /**
   * Checks a bundle.
   *
   * @param good what its entries have to hash to; null when that is not known
   * @param expected root over the entries; null when that is not known
   * @return what the entries hash to, as many as there have to be
   */
  private List<TreeHash> entries(
      TilePath tile, @Nullable List<TreeHash> good, @Nullable TreeHash expected)
      throws IOException {
    TilePath path = reader.tile(TilePath.ENTRIES, tile.index());
    List<TreeHash> found = new ArrayList<>();
    @Nullable Damage unreadable = null;
    try {
      byte[] part = reader.part(path);
      int from = 0;
      try {
        for (byte[] entry : EntryBundle.decode(part)) {
          found.add(TreeHash.ofEntry(entry));
        }
      } catch (MalformedLogException e) {
        found.clear();
        for (byte[] entry : EntryBundle.decodeUntilCut(part)) {
          found.add(TreeHash.ofEntry(entry));
        }
        from = good == null ? found.size() : agreeing(good, found);
        from = Math.min(from, path.width() - 1);
        unreadable =
            new Damage(
                Damage.Kind.MALFORMED,
                first(tile) + from,
                end(tile),
                path,
                String.valueOf(e.getMessage()));
      }
    } catch (MalformedLogException e) {
      unreadable =
          new Damage(Damage.Kind.MISSING, first(tile), end(tile), path, "the entries are missing");
    }
    progress.accept(end(tile));
    if (found.size() > path.width() && isFull(path)) {
      // A bundle that is not full at this size may have further entries by now.
      found = new ArrayList<>(found.subList(0, path.width()));
    }
    if (unreadable != null) {
      add(unreadable);
    } else if (good != null) {
      if (!found.equals(good)) {
        add(compare(first(tile), path, good, found));
      }
    } else if (found.size() != path.width()
        || (expected != null && !TreeEdge.perfect(found, 0, found.size()).equals(expected))) {
      add(
          new Damage(
              Damage.Kind.CHANGED,
              first(tile),
              end(tile),
              path,
              "the entries have changed; their hashes have, too, so which is not known"));
    }
    // A root follows from as many as there have to be.
    while (found.size() < tile.width()) {
      found.add(TreeHash.EMPTY);
    }
    return List.copyOf(found.subList(0, tile.width()));
  }

  /** Whether a part that is partial at this size was found as the full one. */
  private boolean isFull(TilePath path) throws IOException {
    return path.isPartial() && !reader.has(path);
  }

  /** How many agree from the beginning. */
  private static int agreeing(List<TreeHash> good, List<TreeHash> found) {
    int same = 0;
    while (same < good.size() && same < found.size() && good.get(same).equals(found.get(same))) {
      same++;
    }
    return same;
  }

  /** Says how entries differ from what they have to be. */
  private static Damage compare(
      long first, TilePath path, List<TreeHash> good, List<TreeHash> found) {
    int before = agreeing(good, found);
    int after = agreeing(good.reversed(), found.reversed());
    int changedGood = Math.max(0, good.size() - before - after);
    int changedFound = Math.max(0, found.size() - before - after);
    List<TreeHash> wanted = good.subList(before, before + changedGood);
    List<TreeHash> there = found.subList(before, before + changedFound);
    long from = first + before;
    if (found.size() < good.size() && isWithin(found, good)) {
      boolean isTail = before == found.size();
      int missing = good.size() - found.size();
      return new Damage(
          Damage.Kind.REMOVED,
          from,
          first + good.size() - (isTail ? 0 : after),
          path,
          missing + (missing == 1 ? " entry is missing" : " entries are missing"));
    }
    if (found.size() > good.size() && isWithin(good, found)) {
      int more = found.size() - good.size();
      return new Damage(
          Damage.Kind.INSERTED,
          Math.min(from, first + good.size() - 1),
          Math.min(from, first + good.size() - 1) + 1,
          path,
          more + (more == 1 ? " entry" : " entries") + " too many, at " + from);
    }
    if (counts(wanted).equals(counts(there))) {
      return new Damage(
          Damage.Kind.REORDERED,
          from,
          from + wanted.size(),
          path,
          "the entries are in another order");
    }
    if (there.stream().noneMatch(good::contains) && before + after == 0) {
      return new Damage(
          Damage.Kind.FOREIGN,
          first,
          first + good.size(),
          path,
          "none of its " + found.size() + " entries is of this place");
    }
    return new Damage(
        Damage.Kind.CHANGED,
        from,
        Math.max(from + 1, from + wanted.size()),
        path,
        wanted.size() == 1 && there.size() == 1
            ? "the entry has another content"
            : wanted.size() + " entries became " + there.size());
  }

  /** Whether all of the shorter list are in the longer one, in their order. */
  private static boolean isWithin(List<TreeHash> shorter, List<TreeHash> longer) {
    int at = 0;
    for (TreeHash hash : longer) {
      if (at < shorter.size() && shorter.get(at).equals(hash)) {
        at++;
      }
    }
    return at == shorter.size();
  }

  private static Map<TreeHash, Integer> counts(List<TreeHash> hashes) {
    Map<TreeHash, Integer> counts = new HashMap<>();
    hashes.forEach(hash -> counts.merge(hash, 1, Integer::sum));
    return counts;
  }

  private void add(Damage damage) {
    if (damages.size() < MAX_DAMAGES) {
      damages.add(damage);
    }
  }
}

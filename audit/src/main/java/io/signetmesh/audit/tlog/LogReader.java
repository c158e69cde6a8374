package io.signetmesh.audit.tlog;

import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads a log as it was at one size, and makes proofs from its tiles. What the store holds is not
 * trusted: whoever gets a proof verifies it against the root of a checkpoint. Not thread-safe.
 */
public final class LogReader {
  private static final int CACHED_TILES = 64;

  private final TileStore store;
  private final long size;
  private final long minimum;
  private final Map<TilePath, List<TreeHash>> tiles =
      new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<TilePath, List<TreeHash>> eldest) {
          return size() > CACHED_TILES;
        }
      };

  /**
   * @param size of a checkpoint of the log
   */
  public LogReader(TileStore store, long size) {
    this(store, size, 0);
  }

  /**
   * @param size of a checkpoint of the log
   * @param minimum first entry that the log still has, see {@link MinimumIndex}
   */
  public LogReader(TileStore store, long size, long minimum) {
    if (size < 0) {
      throw new IllegalArgumentException("size " + size + ": expected 0 or more");
    }
    this.store = store;
    this.size = size;
    this.minimum = minimum;
  }

  /** Whether the entries of a tile may have been deleted by the log's operator. */
  boolean isPruned(TilePath tile) {
    return (tile.index() + 1) * TilePath.WIDTH <= minimum;
  }

  /** Number of entries. */
  public long size() {
    return size;
  }

  /** Number of hashes of all tiles of a level, which is 0 above the root. */
  long width(int level) {
    int shift = TilePath.HEIGHT * Math.max(0, level);
    return shift >= Long.SIZE ? 0 : size >>> shift;
  }

  /** The tile with a number, as wide as it is at this size. */
  TilePath tile(int level, long index) {
    long from = index * TilePath.WIDTH;
    return new TilePath(level, index, (int) Math.min(TilePath.WIDTH, width(level) - from));
  }

  /**
   * The bytes of a part. A partial one may have been replaced by the full one.
   *
   * @throws MalformedLogException when it is missing, or hashes are not as many as their path says
   */
  byte[] part(TilePath path) throws IOException {
    TilePath at = path;
    byte[] found = store.get(path.toString());
    if (found == null && path.isPartial()) {
      at = path.full();
      found = store.get(at.toString());
    }
    if (found == null && path.level() == TilePath.ENTRIES && isPruned(path)) {
      throw new MalformedLogException(
          path + " is pruned: the first entry that the log still has is " + minimum);
    }
    if (found == null) {
      throw new MalformedLogException(path + " is missing");
    }
    int expected = at.width() * TreeHash.BYTES;
    if (at.level() != TilePath.ENTRIES && found.length != expected) {
      throw new MalformedLogException(
          at + " has " + found.length + " bytes: expected " + expected + ", a hash each 32");
    }
    return found;
  }

  /** Whether the store has a part at its own path. */
  boolean has(TilePath path) throws IOException {
    return store.get(path.toString()) != null;
  }

  /**
   * The hashes of a tile.
   *
   * @throws MalformedLogException when it is missing or of another size
   */
  List<TreeHash> hashes(TilePath path) throws IOException {
    List<TreeHash> known = tiles.get(path);
    if (known == null) {
      byte[] bytes = part(path);
      List<TreeHash> hashes = new ArrayList<>(path.width());
      for (int i = 0; i < path.width(); i++) {
        hashes.add(TreeHash.read(bytes, i * TreeHash.BYTES));
      }
      known = List.copyOf(hashes);
      tiles.put(path, known);
    }
    return known;
  }

  /** The hash of a perfect subtree of 2^height entries, the index-th of its size. */
  TreeHash node(int height, long index) throws IOException {
    int level = height / TilePath.HEIGHT;
    int inner = height % TilePath.HEIGHT;
    long first = index << inner;
    List<TreeHash> hashes = hashes(tile(level, first / TilePath.WIDTH));
    int from = (int) (first % TilePath.WIDTH);
    return TreeEdge.perfect(hashes, from, from + (1 << inner));
  }

  /** The hash over entries, of which the first begins a subtree. */
  private TreeHash range(long from, long to) throws IOException {
    long count = to - from;
    if (Long.bitCount(count) == 1) {
      int height = Long.numberOfTrailingZeros(count);
      return node(height, from >>> height);
    }
    long left = Long.highestOneBit(count);
    return TreeHash.ofNode(range(from, from + left), range(from + left, to));
  }

  /** The root by the tiles. */
  public TreeHash root() throws IOException {
    return size == 0 ? TreeHash.EMPTY : range(0, size);
  }

  /**
   * Proves that an entry is in the log: the siblings from the leaf to the root.
   *
   * @param index 0 to {@code size - 1}
   * @throws MalformedLogException when a tile is missing
   */
  public List<TreeHash> inclusion(long index) throws IOException {
    if (index < 0 || index >= size) {
      throw new IllegalArgumentException(
          "entry " + index + " of " + size + ": expected one that the log has");
    }
    List<TreeHash> proof = new ArrayList<>();
    include(index, 0, size, proof);
    return proof;
  }

  private void include(long index, long from, long to, List<TreeHash> proof) throws IOException {
    if (to - from == 1) {
      return;
    }
    long middle = from + split(to - from);
    if (index < middle) {
      include(index, from, middle, proof);
      proof.add(range(middle, to));
    } else {
      include(index, middle, to, proof);
      proof.add(range(from, middle));
    }
  }

  /** The largest power of two below a number. */
  private static long split(long count) {
    return Long.highestOneBit(count - 1);
  }

  /**
   * Proves that the log begins with what it was at an earlier size.
   *
   * @param first the earlier size, 0 to {@code size}
   * @throws MalformedLogException when a tile is missing
   */
  public List<TreeHash> consistency(long first) throws IOException {
    if (first < 0 || first > size) {
      throw new IllegalArgumentException(
          "size " + first + " before " + size + ": expected an earlier one");
    }
    List<TreeHash> proof = new ArrayList<>();
    if (first > 0 && first < size) {
      consist(first, 0, size, true, proof);
    }
    return proof;
  }

  private void consist(long first, long from, long to, boolean isWhole, List<TreeHash> proof)
      throws IOException {
    if (first == to) {
      if (!isWhole) {
        proof.add(range(from, to));
      }
      return;
    }
    long middle = from + split(to - from);
    if (first <= middle) {
      consist(first, from, middle, isWhole, proof);
      proof.add(range(middle, to));
    } else {
      consist(first, middle, to, false, proof);
      proof.add(range(from, middle));
    }
  }

  /**
   * The entries of a bundle.
   *
   * @param number of the bundle; its first entry has 256 times that index
   * @throws MalformedLogException when it is missing, malformed, or has too few entries
   */
  public List<byte[]> bundle(long number) throws IOException {
    TilePath path = tile(TilePath.ENTRIES, number);
    List<byte[]> entries = EntryBundle.decode(part(path));
    if (entries.size() < path.width()) {
      throw new MalformedLogException(
          path + " has " + entries.size() + " entries: expected " + path.width());
    }
    return entries.subList(0, path.width());
  }
}

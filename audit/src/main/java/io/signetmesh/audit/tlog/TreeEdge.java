package io.signetmesh.audit.tlog;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The right edge of a tree: the hashes of its partial tiles, from which its root follows and to
 * which entries are added. At most 255 hashes a level. Not thread-safe.
 */
final class TreeEdge {
  private final List<List<TreeHash>> levels = new ArrayList<>();
  private long size;

  /** A tile that is full now. */
  @FunctionalInterface
  interface FullTile {
    void filled(int level, long index, List<TreeHash> hashes);
  }

  TreeEdge() {}

  /** A copy. */
  TreeEdge(TreeEdge other) {
    other.levels.forEach(level -> levels.add(new ArrayList<>(level)));
    size = other.size;
  }

  /**
   * The edge of a tree.
   *
   * @param partial hashes of the partial tile of each level, from level 0 on
   */
  TreeEdge(long size, List<List<TreeHash>> partial) {
    partial.forEach(level -> levels.add(new ArrayList<>(level)));
    this.size = size;
  }

  long size() {
    return size;
  }

  /** Number of levels that have tiles. */
  int levels() {
    return levels.size();
  }

  /** Hashes of the partial tile of a level. */
  List<TreeHash> partial(int level) {
    return List.copyOf(levels.get(level));
  }

  /** Adds an entry. */
  void add(TreeHash leaf, FullTile full) {
    size++;
    add(0, leaf, full);
  }

  private void add(int level, TreeHash hash, FullTile full) {
    if (level == levels.size()) {
      levels.add(new ArrayList<>());
    }
    List<TreeHash> tile = levels.get(level);
    tile.add(hash);
    if (tile.size() == TilePath.WIDTH) {
      List<TreeHash> hashes = List.copyOf(tile);
      tile.clear();
      full.filled(level, TilePath.fullTiles(size, level) - 1, hashes);
      add(level + 1, perfect(hashes, 0, hashes.size()), full);
    }
  }

  /** The root of the tree. */
  TreeHash root() {
    @Nullable TreeHash root = null;
    for (List<TreeHash> tile : levels) {
      // From the smallest perfect subtree, on the right, to the largest.
      int end = tile.size();
      for (int width = 1; width <= end; width <<= 1) {
        if ((tile.size() & width) != 0) {
          TreeHash left = perfect(tile, end - width, end);
          root = root == null ? left : TreeHash.ofNode(left, root);
          end -= width;
        }
      }
    }
    return root == null ? TreeHash.EMPTY : root;
  }

  /** The root of a perfect subtree over hashes. */
  static TreeHash perfect(List<TreeHash> hashes, int from, int to) {
    if (to - from == 1) {
      return hashes.get(from);
    }
    int middle = from + (to - from) / 2;
    return TreeHash.ofNode(perfect(hashes, from, middle), perfect(hashes, middle, to));
  }
}

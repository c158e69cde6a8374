package io.signetmesh.audit.tlog;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/**
 * Proves that entries are all of a range of a log: the hashes of the largest perfect subtrees
 * before it and behind it, from left to right. With those of the entries in between they lead to
 * the root of the whole tree. Whoever has the entries needs nothing else of the log.
 *
 * @param from first entry of the range, 0 or more
 * @param to entry after the last one, {@code from} or more
 * @param size entries of the whole tree, {@code to} or more
 * @param hashes of the subtrees, at most 189
 */
public record RangeProof(long from, long to, long size, List<TreeHash> hashes) {
  /** Checks the range and the number of hashes. */
  public RangeProof {
    if (from < 0 || to < from || size < to) {
      throw new IllegalArgumentException(
          "entries " + from + " to " + to + " of " + size + ": expected a range of the log");
    }
    hashes = List.copyOf(hashes);
    int expected = subtrees(0, from).size() + subtrees(to, size).size();
    if (hashes.size() != expected) {
      throw new IllegalArgumentException(
          "a proof of "
              + hashes.size()
              + " hashes for entries "
              + from
              + " to "
              + to
              + " of "
              + size
              + ": expected "
              + expected);
    }
  }

  /** A perfect subtree: 2^height entries, the index-th of its size. */
  private record Subtree(int height, long index) {}

  /** The largest perfect subtrees that make up a range. */
  private static List<Subtree> subtrees(long from, long to) {
    List<Subtree> subtrees = new ArrayList<>();
    long at = from;
    while (at < to) {
      int fits = Long.SIZE - 1 - Long.numberOfLeadingZeros(to - at);
      int height = Math.min(fits, Long.numberOfTrailingZeros(at));
      subtrees.add(new Subtree(height, at >>> height));
      at += 1L << height;
    }
    return subtrees;
  }

  /**
   * Makes the proof of a range from the tiles of a log.
   *
   * @throws MalformedLogException when a tile is missing
   */
  public static RangeProof of(LogReader reader, long from, long to) throws IOException {
    if (from < 0 || to < from || reader.size() < to) {
      throw new IllegalArgumentException(
          "entries " + from + " to " + to + " of " + reader.size() + ": expected a range of it");
    }
    List<Subtree> outside = new ArrayList<>(subtrees(0, from));
    outside.addAll(subtrees(to, reader.size()));
    List<TreeHash> hashes = new ArrayList<>();
    for (Subtree subtree : outside) {
      hashes.add(reader.node(subtree.height, subtree.index));
    }
    return new RangeProof(from, to, reader.size(), hashes);
  }

  /** The tree before the range, to which the hashes of its entries are added. */
  public TreeRoot before() {
    TreeRoot tree = new TreeRoot();
    add(tree, subtrees(0, from), 0);
    return tree;
  }

  /**
   * The root of the whole tree.
   *
   * @param tree from {@link #before}, with the entries of the range
   * @throws IllegalArgumentException when it has another number of entries
   */
  public TreeHash root(TreeRoot tree) {
    if (tree.size() != to) {
      throw new IllegalArgumentException(
          "a tree of " + tree.size() + " entries: expected all before " + to);
    }
    List<Subtree> behind = subtrees(to, size);
    add(tree, behind, hashes.size() - behind.size());
    return tree.root();
  }

  private void add(TreeRoot tree, List<Subtree> subtrees, int first) {
    for (int i = 0; i < subtrees.size(); i++) {
      tree.add(subtrees.get(i).height, hashes.get(first + i));
    }
  }
}

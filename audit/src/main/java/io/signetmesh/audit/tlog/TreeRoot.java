package io.signetmesh.audit.tlog;

import java.util.ArrayDeque;
import java.util.Deque;

/**
 * The root of a tree whose perfect subtrees come one after the other from left to right: entries,
 * or subtrees of which only the hash is known. Holds at most a hash a level. Not thread-safe.
 */
public final class TreeRoot {
  private record Node(int height, TreeHash hash) {}

  private final Deque<Node> nodes = new ArrayDeque<>();
  private long size;

  /** Number of entries so far. */
  public long size() {
    return size;
  }

  /** Adds an entry. */
  public void add(TreeHash leaf) {
    add(0, leaf);
  }

  /**
   * Adds a perfect subtree of 2^height entries.
   *
   * @throws IllegalArgumentException when a subtree of that height cannot begin here
   */
  void add(int height, TreeHash subtree) {
    if (height < 0 || height > 62 || (size & ((1L << height) - 1)) != 0) {
      throw new IllegalArgumentException(
          "a subtree of 2^" + height + " entries behind " + size + ": expected a multiple of that");
    }
    size = Math.addExact(size, 1L << height);
    int at = height;
    TreeHash hash = subtree;
    while (!nodes.isEmpty() && nodes.peek().height == at) {
      hash = TreeHash.ofNode(nodes.pop().hash, hash);
      at++;
    }
    nodes.push(new Node(at, hash));
  }

  /** The root over all that was added. */
  public TreeHash root() {
    TreeHash root = null;
    for (Node node : nodes) {
      root = root == null ? node.hash : TreeHash.ofNode(node.hash, root);
    }
    return root == null ? TreeHash.EMPTY : root;
  }
}

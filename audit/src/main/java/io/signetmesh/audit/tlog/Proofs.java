package io.signetmesh.audit.tlog;

import java.util.List;

/** Verifies proofs about trees (RFC 6962, sections 2.1.1 and 2.1.2; RFC 9162, section 2.1). */
public final class Proofs {
  private Proofs() {}

  /**
   * Whether an entry is in a tree at an index.
   *
   * @param index 0 to {@code size - 1}
   * @param proof siblings from the leaf to the root
   */
  public static boolean isIncluded(
      TreeHash leaf, long index, long size, List<TreeHash> proof, TreeHash root) {
    if (index < 0 || index >= size) {
      return false;
    }
    long node = index;
    long last = size - 1;
    TreeHash hash = leaf;
    for (TreeHash sibling : proof) {
      if (last == 0) {
        return false;
      }
      if ((node & 1) == 1 || node == last) {
        hash = TreeHash.ofNode(sibling, hash);
        while ((node & 1) == 0 && node != 0) {
          node >>>= 1;
          last >>>= 1;
        }
      } else {
        hash = TreeHash.ofNode(hash, sibling);
      }
      node >>>= 1;
      last >>>= 1;
    }
    return last == 0 && hash.equals(root);
  }

  /**
   * Whether a tree is the beginning of a larger one, or the same. An empty tree is the beginning of
   * each.
   *
   * @param first size of the smaller tree
   * @param second size of the larger tree
   */
  public static boolean isConsistent(
      long first, TreeHash firstRoot, long second, TreeHash secondRoot, List<TreeHash> proof) {
    if (first < 0 || first > second) {
      return false;
    }
    if (first == second) {
      return proof.isEmpty() && firstRoot.equals(secondRoot);
    }
    if (first == 0) {
      return proof.isEmpty() && firstRoot.equals(TreeHash.EMPTY);
    }
    long node = first - 1;
    long last = second - 1;
    while ((node & 1) == 1) {
      node >>>= 1;
      last >>>= 1;
    }
    // The smaller tree is a node of the larger one: its root is the first hash.
    boolean isNode = node == 0;
    if (!isNode && proof.isEmpty()) {
      return false;
    }
    TreeHash before = isNode ? firstRoot : proof.getFirst();
    TreeHash after = before;
    for (TreeHash sibling : isNode ? proof : proof.subList(1, proof.size())) {
      if (last == 0) {
        return false;
      }
      if ((node & 1) == 1 || node == last) {
        before = TreeHash.ofNode(sibling, before);
        after = TreeHash.ofNode(sibling, after);
        while ((node & 1) == 0 && node != 0) {
          node >>>= 1;
          last >>>= 1;
        }
      } else {
        after = TreeHash.ofNode(after, sibling);
      }
      node >>>= 1;
      last >>>= 1;
    }
    return last == 0 && before.equals(firstRoot) && after.equals(secondRoot);
  }
}

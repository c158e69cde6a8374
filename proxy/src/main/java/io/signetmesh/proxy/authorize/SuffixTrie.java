package io.signetmesh.proxy.authorize;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Identity suffixes by label, last label first: {@code [a, b]} holds for {@code x.a.b}. Looking an
 * identity up visits one node per label and allocates nothing.
 */
final class SuffixTrie {
  private final Node root = new Node("");

  private static final class Node {
    private final String label;
    private final int hash;
    private final List<NetworkIndex.Entry> entries = new ArrayList<>(1);
    private final Map<String, Node> building = new HashMap<>();
    private @Nullable Node[] table = new Node[0];
    private @Nullable NetworkIndex index;

    Node(String label) {
      this.label = label;
      this.hash = label.hashCode();
    }
  }

  /** Adds an authorization under a non-empty suffix. */
  void add(List<String> parts, NetworkIndex.Entry entry) {
    Node node = root;
    for (int i = parts.size() - 1; i >= 0; i--) {
      node = node.building.computeIfAbsent(parts.get(i), Node::new);
    }
    node.entries.add(entry);
  }

  /** Ends building. */
  void freeze() {
    freeze(root);
  }

  private static void freeze(Node node) {
    if (!node.entries.isEmpty()) {
      node.index = new NetworkIndex(node.entries);
    }
    int size = Integer.highestOneBit(Math.max(1, node.building.size()) * 2) * 2;
    Node[] table = new Node[node.building.isEmpty() ? 0 : size];
    for (Node child : node.building.values()) {
      int slot = child.hash & (size - 1);
      while (table[slot] != null) {
        slot = (slot + 1) & (size - 1);
      }
      table[slot] = child;
      freeze(child);
    }
    node.table = table;
    node.building.clear();
  }

  /** The lowest id whose suffix and networks hold, or -1. */
  int first(String identity, Client client) {
    int found = -1;
    Node node = root;
    int end = identity.length();
    while (end > 0) {
      int dot = identity.lastIndexOf('.', end - 1);
      if (dot < 0) {
        // A suffix never takes the whole name: *.a.b does not hold for a.b.
        break;
      }
      Node next = child(node, identity, dot + 1, end);
      if (next == null) {
        break;
      }
      NetworkIndex index = next.index;
      if (index != null) {
        int id = index.first(client);
        if (id >= 0 && (found < 0 || id < found)) {
          found = id;
        }
      }
      node = next;
      end = dot;
    }
    return found;
  }

  /** The lowest id whose suffix holds, whatever its networks, or -1. */
  int firstIgnoringNetworks(String identity) {
    int found = -1;
    Node node = root;
    int end = identity.length();
    while (end > 0) {
      int dot = identity.lastIndexOf('.', end - 1);
      Node next = dot < 0 ? null : child(node, identity, dot + 1, end);
      if (next == null) {
        break;
      }
      NetworkIndex index = next.index;
      if (index != null && (found < 0 || index.firstId() < found)) {
        found = index.firstId();
      }
      node = next;
      end = dot;
    }
    return found;
  }

  private static @Nullable Node child(Node node, String text, int from, int to) {
    Node[] table = node.table;
    if (table.length == 0) {
      return null;
    }
    int hash = 0;
    for (int i = from; i < to; i++) {
      hash = 31 * hash + text.charAt(i);
    }
    int slot = hash & (table.length - 1);
    while (true) {
      Node candidate = table[slot];
      if (candidate == null) {
        return null;
      }
      if (candidate.hash == hash
          && candidate.label.length() == to - from
          && text.startsWith(candidate.label, from)) {
        return candidate;
      }
      slot = (slot + 1) & (table.length - 1);
    }
  }
}

package io.signetmesh.proxy.authorize;

import io.signetmesh.proxy.authorize.IpBits.Prefix;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Finds the first of many authorizations whose networks hold an address. A handful is looked at one
 * by one; more go into a binary trie over all their prefixes, whose nodes name the first
 * authorization that holds for addresses of which the node is the longest match, so that the cost
 * depends on the address length and not on the number of authorizations.
 */
final class NetworkIndex {
  /** Up to this many authorizations a scan is cheaper than a walk. */
  private static final int SCAN = 4;

  private static final int NONE = Integer.MAX_VALUE;

  private final int[] ids;
  private final Network[][] networks;
  private final @Nullable Node root;

  /**
   * A network with holes.
   *
   * @param net the network
   * @param except parts of it that do not count
   */
  record Network(Prefix net, List<Prefix> except) {
    boolean holds(Client client) {
      if (!IpBits.matches(client.high(), client.low(), net)) {
        return false;
      }
      for (int i = 0; i < except.size(); i++) {
        if (IpBits.matches(client.high(), client.low(), except.get(i))) {
          return false;
        }
      }
      return true;
    }
  }

  /** An authorization's number, which is its rank, and its networks. */
  record Entry(int id, List<Network> networks) {}

  NetworkIndex(List<Entry> entries) {
    List<Entry> sorted = new ArrayList<>(entries);
    sorted.sort((a, b) -> Integer.compare(a.id(), b.id()));
    ids = new int[sorted.size()];
    networks = new Network[sorted.size()][];
    for (int i = 0; i < ids.length; i++) {
      ids[i] = sorted.get(i).id();
      networks[i] = sorted.get(i).networks().toArray(Network[]::new);
    }
    root = ids.length > SCAN ? build(sorted) : null;
  }

  boolean isEmpty() {
    return ids.length == 0;
  }

  /** The lowest id, whatever its networks; only for an index that is not empty. */
  int firstId() {
    return ids[0];
  }

  /** The lowest id whose networks hold the client's address, or -1. */
  int first(Client client) {
    Node node = root;
    if (node == null) {
      for (int i = 0; i < ids.length; i++) {
        for (Network network : networks[i]) {
          if (network.holds(client)) {
            return ids[i];
          }
        }
      }
      return -1;
    }
    int found = node.first;
    long high = client.high();
    long low = client.low();
    while (true) {
      Node next = IpBits.bit(high, low, node.depth) == 0 ? node.zero : node.one;
      if (next == null || !IpBits.matches(high, low, next.prefix)) {
        break;
      }
      found = next.first;
      node = next;
      if (node.depth == 128) {
        break;
      }
    }
    return found == NONE ? -1 : found;
  }

  // ---- building

  /** A node of the path-compressed trie. */
  private static final class Node {
    private final Prefix prefix;
    private final int depth;
    private @Nullable Node zero;
    private @Nullable Node one;

    /** Networks that begin at exactly this prefix, and holes that do. */
    private final List<Member> members = new ArrayList<>(1);

    private final List<Member> holes = new ArrayList<>(0);
    private int first = NONE;

    Node(Prefix prefix) {
      this.prefix = prefix;
      this.depth = prefix.length();
    }
  }

  /** One network of one authorization. */
  private record Member(int id, Network network) {}

  private static Node build(List<Entry> entries) {
    Node root = new Node(new Prefix(0, 0, 0));
    for (Entry entry : entries) {
      for (Network network : entry.networks()) {
        Member member = new Member(entry.id(), network);
        insert(root, network.net()).members.add(member);
        for (Prefix except : network.except()) {
          insert(root, except).holes.add(member);
        }
      }
    }
    resolve(root, new ArrayList<>());
    return root;
  }

  private static Node insert(Node root, Prefix prefix) {
    Node node = root;
    while (true) {
      if (node.depth == prefix.length()) {
        return node;
      }
      boolean right = IpBits.bit(prefix.high(), prefix.low(), node.depth) == 1;
      Node child = right ? node.one : node.zero;
      if (child == null) {
        Node leaf = new Node(prefix);
        attach(node, right, leaf);
        return leaf;
      }
      if (child.prefix.contains(prefix)) {
        node = child;
        continue;
      }
      int common = commonLength(child.prefix, prefix);
      Node split = new Node(new Prefix(prefix.high(), prefix.low(), common));
      attach(node, right, split);
      attach(split, IpBits.bit(child.prefix.high(), child.prefix.low(), common) == 1, child);
      if (common == prefix.length()) {
        return split;
      }
      Node leaf = new Node(prefix);
      attach(split, IpBits.bit(prefix.high(), prefix.low(), common) == 1, leaf);
      return leaf;
    }
  }

  private static void attach(Node parent, boolean right, Node child) {
    if (right) {
      parent.one = child;
    } else {
      parent.zero = child;
    }
  }

  private static int commonLength(Prefix a, Prefix b) {
    long high = a.high() ^ b.high();
    int common =
        high != 0
            ? Long.numberOfLeadingZeros(high)
            : 64 + Long.numberOfLeadingZeros(a.low() ^ b.low());
    return Math.min(common, Math.min(a.length(), b.length()));
  }

  /** Sets each node's first id from the networks on its path that no hole on its path ends. */
  private static void resolve(Node node, List<Member> active) {
    List<Member> here = active;
    if (!node.members.isEmpty() || !node.holes.isEmpty()) {
      here = new ArrayList<>(active);
      for (Member member : node.members) {
        // A hole may be as large as its network, or larger; then the network holds for nobody.
        if (member.network().except().stream().noneMatch(hole -> hole.contains(node.prefix))) {
          here.add(member);
        }
      }
      here.removeAll(node.holes);
    }
    int first = NONE;
    for (Member member : here) {
      first = Math.min(first, member.id());
    }
    node.first = first;
    if (node.zero != null) {
      resolve(node.zero, here);
    }
    if (node.one != null) {
      resolve(node.one, here);
    }
  }
}

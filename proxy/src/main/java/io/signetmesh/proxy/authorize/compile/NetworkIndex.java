package io.signetmesh.proxy.authorize.compile;

import io.signetmesh.proxy.authorize.Client;
import io.signetmesh.proxy.authorize.IpBits;
import io.signetmesh.proxy.authorize.IpBits.Prefix;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Finds the first of many authorizations whose networks hold an address. A handful with few
 * networks is looked at one by one; more go into binary tries over all their prefixes, one for each
 * address family, whose nodes name the first authorization that holds for addresses of which the
 * node is the longest match, so that the cost depends on the address length and not on the number
 * of authorizations.
 */
final class NetworkIndex {
  /** Up to this many authorizations a scan is cheaper than a walk. */
  private static final int SCAN = 4;

  /** Up to this many networks and exceptions of them all, likewise. */
  private static final int SCANNED_PREFIXES = 16;

  private static final int NONE = Integer.MAX_VALUE;

  /** Shared by all that have none, so that it is in the processor's cache. */
  private static final NetworkIndex EMPTY = new NetworkIndex(List.of());

  /** Lowest id of all. */
  private final int lowest;

  /** Lowest id that holds for every IPv4 address, and for every IPv6 address. */
  private final int every4;

  private final int every6;
  private final int[] ids;
  private final Network[][] networks;
  private final @Nullable Node root4;
  private final @Nullable Node root6;

  /**
   * A network with holes. One of IPv6 holds no IPv4 address, however short its prefix, and makes no
   * hole in one of IPv4.
   *
   * @param net the network
   * @param except parts of it that do not count
   */
  record Network(Prefix net, List<Prefix> except) {
    Network {
      except = List.copyOf(except);
    }

    boolean holds(Client client) {
      if (!holds(net, client)) {
        return false;
      }
      for (int i = 0; i < except.size(); i++) {
        if (holds(except.get(i), client)) {
          return false;
        }
      }
      return true;
    }

    private static boolean holds(Prefix prefix, Client client) {
      return prefix.isIpv4() == client.isIpv4()
          && IpBits.matches(client.high(), client.low(), prefix);
    }

    /** Whether it is the whole of its family. */
    boolean isWhole() {
      return except.isEmpty() && net.length() == (net.isIpv4() ? IpBits.MAPPED_PREFIX : 0);
    }
  }

  /** An authorization's number, which is its rank, and its networks. */
  record Entry(int id, List<Network> networks) {}

  /** An index of entries in any order. */
  static NetworkIndex of(List<Entry> entries) {
    return entries.isEmpty() ? EMPTY : new NetworkIndex(entries);
  }

  private NetworkIndex(List<Entry> entries) {
    List<Entry> sorted = new ArrayList<>(entries);
    sorted.sort((a, b) -> Integer.compare(a.id(), b.id()));
    lowest = sorted.isEmpty() ? NONE : sorted.getFirst().id();
    every4 = every(sorted, true);
    every6 = every(sorted, false);
    // What comes after one that always holds is never the first.
    sorted.removeIf(entry -> entry.id() >= every4 && entry.id() >= every6);
    ids = new int[sorted.size()];
    networks = new Network[sorted.size()][];
    for (int i = 0; i < ids.length; i++) {
      ids[i] = sorted.get(i).id();
      networks[i] = sorted.get(i).networks().toArray(Network[]::new);
    }
    boolean walks = ids.length > SCAN || prefixes(sorted) > SCANNED_PREFIXES;
    root4 = walks ? build(sorted, true, every4) : null;
    root6 = walks ? build(sorted, false, every6) : null;
  }

  private static long prefixes(List<Entry> entries) {
    long prefixes = 0;
    for (Entry entry : entries) {
      for (Network network : entry.networks()) {
        prefixes += 1 + network.except().size();
      }
    }
    return prefixes;
  }

  private static int every(List<Entry> sorted, boolean ipv4) {
    for (Entry entry : sorted) {
      for (Network network : entry.networks()) {
        if (network.net().isIpv4() == ipv4 && network.isWhole()) {
          return entry.id();
        }
      }
    }
    return NONE;
  }

  boolean isEmpty() {
    return lowest == NONE;
  }

  /** Whether the lowest id holds for every address. */
  boolean isEverywhere() {
    return lowest != NONE && every4 == lowest && every6 == lowest;
  }

  /** The lowest id, whatever its networks; only for an index that is not empty. */
  int firstId() {
    return lowest;
  }

  /** The lowest id whose networks hold the client's address, or -1. */
  int first(Client client) {
    boolean ipv4 = client.isIpv4();
    int every = ipv4 ? every4 : every6;
    if (every == lowest) {
      return every == NONE ? -1 : every;
    }
    Node node = ipv4 ? root4 : root6;
    if (node == null) {
      for (int i = 0; i < ids.length && ids[i] < every; i++) {
        for (Network network : networks[i]) {
          if (network.holds(client)) {
            return ids[i];
          }
        }
      }
      return every == NONE ? -1 : every;
    }
    int found = node.first;
    long high = client.high();
    long low = client.low();
    while (node.depth < 128) {
      Node next = IpBits.bit(high, low, node.depth) == 0 ? node.zero : node.one;
      if (next == null || !IpBits.matches(high, low, next.prefix)) {
        break;
      }
      found = next.first;
      node = next;
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
    private List<Member> members = List.of();

    private List<Member> holes = List.of();
    private int first = NONE;

    Node(Prefix prefix) {
      this.prefix = prefix;
      this.depth = prefix.length();
    }

    void addMember(Member member) {
      members = members.isEmpty() ? new ArrayList<>(1) : members;
      members.add(member);
    }

    void addHole(Member member) {
      holes = holes.isEmpty() ? new ArrayList<>(1) : holes;
      holes.add(member);
    }
  }

  /** One network of one authorization. */
  private static final class Member {
    private final int id;
    private final Network network;

    /** Whether it has holes and holds where the walk is. */
    private boolean open;

    Member(int id, Network network) {
      this.id = id;
      this.network = network;
    }
  }

  /** How many networks with holes hold where the walk is, by id. */
  private static final class Open {
    private final TreeMap<Integer, Integer> counts = new TreeMap<>();

    int lowest() {
      return counts.isEmpty() ? NONE : counts.firstKey();
    }

    void set(Member member, boolean open) {
      member.open = open;
      if (open) {
        counts.merge(member.id, 1, Integer::sum);
      } else {
        counts.computeIfPresent(member.id, (id, count) -> count == 1 ? null : count - 1);
      }
    }
  }

  private static Node build(List<Entry> entries, boolean ipv4, int every) {
    Node root = new Node(ipv4 ? IpBits.IPV4 : IpBits.IPV6);
    for (Entry entry : entries) {
      for (Network network : entry.networks()) {
        if (network.net().isIpv4() != ipv4) {
          continue;
        }
        Member member = new Member(entry.id(), network);
        insert(root, network.net()).addMember(member);
        for (Prefix except : network.except()) {
          if (except.isIpv4() == ipv4) {
            insert(root, except).addHole(member);
          }
        }
      }
    }
    resolve(root, every, new Open());
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

  /**
   * Sets each node's first id from the networks on its path that no hole on its path ends. What
   * opens and closes at a node is undone behind it, so that each network and hole is looked at
   * once.
   *
   * @param whole lowest id of the networks without holes above
   * @param open networks with holes above that hold here so far; as before when it returns
   */
  private static void resolve(Node node, int whole, Open open) {
    int lowest = whole;
    List<Member> opened = new ArrayList<>(0);
    List<Member> closed = new ArrayList<>(0);
    for (Member member : node.members) {
      List<Prefix> except = member.network.except();
      if (except.isEmpty()) {
        lowest = Math.min(lowest, member.id);
      } else if (except.stream().noneMatch(hole -> covers(hole, node.prefix))) {
        // A hole may be as large as its network, or larger; then the network holds for nobody.
        open.set(member, true);
        opened.add(member);
      }
    }
    for (Member member : node.holes) {
      if (member.open) {
        open.set(member, false);
        closed.add(member);
      }
    }
    node.first = Math.min(lowest, open.lowest());
    if (node.zero != null) {
      resolve(node.zero, lowest, open);
    }
    if (node.one != null) {
      resolve(node.one, lowest, open);
    }
    closed.forEach(member -> open.set(member, true));
    opened.forEach(member -> open.set(member, false));
    node.members = List.of();
    node.holes = List.of();
  }

  private static boolean covers(Prefix hole, Prefix prefix) {
    return hole.isIpv4() == prefix.isIpv4() && hole.contains(prefix);
  }
}

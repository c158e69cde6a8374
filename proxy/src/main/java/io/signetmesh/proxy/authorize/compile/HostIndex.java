package io.signetmesh.proxy.authorize.compile;

import io.signetmesh.proxy.authorize.RequestAttributes;
import io.signetmesh.proxy.authorize.compile.RouteEntry.HostPattern;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Finds the routes of a host: an exact host before a suffix, a longer suffix before a shorter, and
 * those of any host last. A trie of labels, the last label first. Case, port, user information and
 * a dot at the end do not matter, and looking a host up allocates nothing.
 */
final class HostIndex {
  /** Up to this many children are compared one by one. */
  private static final int COMPARED = 3;

  private final Node root = new Node("", null);
  private final @Nullable PathIndex any;

  /** A label before its parent, or several where nothing branches or ends between them. */
  private static final class Node {
    private String label;

    /** Hash of the last label. */
    private final int hash;

    private @Nullable Node parent;

    /** Children: a few to be compared one by one, more in an open hash table. */
    private @Nullable Node[] children = new Node[0];

    private boolean hashed;
    private @Nullable PathIndex exact;
    private @Nullable PathIndex suffix;
    private final Map<String, Node> building = new LinkedHashMap<>();
    private final List<RouteEntry> exactBuilding = new ArrayList<>(0);
    private final List<RouteEntry> suffixBuilding = new ArrayList<>(0);

    Node(String label, @Nullable Node parent) {
      this.label = label;
      this.parent = parent;
      int hash = 0;
      for (int i = label.length() - 1; i >= 0; i--) {
        hash = 31 * hash + label.charAt(i);
      }
      this.hash = hash;
    }
  }

  /**
   * @param entries matches in the order of the list
   */
  HostIndex(List<RouteEntry> entries) {
    List<RouteEntry> anywhere = new ArrayList<>();
    for (RouteEntry entry : entries) {
      HostPattern host = entry.host();
      if (host == null) {
        anywhere.add(entry);
        continue;
      }
      Node node = root;
      String[] labels = host.text().split("\\.", -1);
      for (int i = labels.length - 1; i >= 0; i--) {
        Node parent = node;
        node = node.building.computeIfAbsent(labels[i], key -> new Node(key, parent));
      }
      (host.suffix() ? node.suffixBuilding : node.exactBuilding).add(entry);
    }
    any = anywhere.isEmpty() ? null : new PathIndex(anywhere);
    freeze(root);
  }

  /** Takes chains of nodes that hold nothing together. */
  private static Node compressed(Node node) {
    Node at = node;
    String label = node.label;
    while (at.building.size() == 1 && at.exactBuilding.isEmpty() && at.suffixBuilding.isEmpty()) {
      at = at.building.values().iterator().next();
      label = at.label + "." + label;
    }
    if (at == node) {
      return node;
    }
    Node whole = new Node(node.label, node.parent);
    whole.label = label;
    whole.exactBuilding.addAll(at.exactBuilding);
    whole.suffixBuilding.addAll(at.suffixBuilding);
    at.building.forEach(
        (name, child) -> {
          child.parent = whole;
          whole.building.put(name, child);
        });
    return whole;
  }

  private static void freeze(Node node) {
    node.exact = node.exactBuilding.isEmpty() ? null : new PathIndex(node.exactBuilding);
    node.suffix = node.suffixBuilding.isEmpty() ? null : new PathIndex(node.suffixBuilding);
    int count = node.building.size();
    node.hashed = count > COMPARED;
    @Nullable Node[] table = new Node[node.hashed ? Integer.highestOneBit(count) * 4 : count];
    int next = 0;
    for (Node building : node.building.values()) {
      Node child = compressed(building);
      int slot = node.hashed ? child.hash & (table.length - 1) : next++;
      while (table[slot] != null) {
        slot = (slot + 1) & (table.length - 1);
      }
      table[slot] = child;
      freeze(child);
    }
    node.children = table;
    node.building.clear();
    node.exactBuilding.clear();
    node.suffixBuilding.clear();
  }

  /** The match of a request; see {@link PathIndex#find}. */
  @Nullable RouteEntry find(
      RequestAttributes request, CharSequence target, int targetEnd, CharSequence path, int end) {
    if (root.children.length > 0) {
      RouteEntry found = findByHost(request, target, targetEnd, path, end);
      if (found != null) {
        return found;
      }
    }
    return any == null ? null : any.find(request, target, targetEnd, path, end);
  }

  private @Nullable RouteEntry findByHost(
      RequestAttributes request, CharSequence target, int targetEnd, CharSequence path, int end) {
    CharSequence authority = request.authority();
    int start = hostStart(authority);
    int right = hostEnd(authority, start);
    Node node = root;
    Node whole = null;
    while (node.children.length > 0 && right > start) {
      Node next = child(node, authority, start, right);
      if (next == null) {
        break;
      }
      node = next;
      right -= next.label.length();
      if (right == start) {
        whole = node;
        break;
      }
      right--;
    }
    if (whole != null && whole.exact != null) {
      RouteEntry found = whole.exact.find(request, target, targetEnd, path, end);
      if (found != null) {
        return found;
      }
    }
    // A suffix never is the whole host, and something has to come before its dot.
    Node at = whole != null || right <= start ? node.parent : node;
    for (; at != null; at = at.parent) {
      if (at.suffix != null) {
        RouteEntry found = at.suffix.find(request, target, targetEnd, path, end);
        if (found != null) {
          return found;
        }
      }
    }
    return null;
  }

  /** Where the host begins: after user information. */
  static int hostStart(CharSequence authority) {
    if (authority instanceof String string && string.indexOf('@') < 0) {
      return 0;
    }
    for (int i = authority.length() - 1; i >= 0; i--) {
      if (authority.charAt(i) == '@') {
        return i + 1;
      }
    }
    return 0;
  }

  /** Where the host ends: before the port and a dot at the end. */
  static int hostEnd(CharSequence authority, int start) {
    int end = authority.length();
    for (int i = end - 1; i >= start; i--) {
      char c = authority.charAt(i);
      if (c == ':') {
        end = i;
        break;
      }
      if (c < '0' || c > '9') {
        break;
      }
    }
    return end > start && authority.charAt(end - 1) == '.' ? end - 1 : end;
  }

  /** ASCII only: other letters are in no host name that is sent. */
  static char lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char) (c + ('a' - 'A')) : c;
  }

  /** The child that the host goes on with, to the left, before {@code right}. */
  private static @Nullable Node child(Node node, CharSequence text, int start, int right) {
    @Nullable Node[] table = node.children;
    if (!node.hashed) {
      for (Node candidate : table) {
        if (candidate != null && goesOn(text, start, right, candidate.label)) {
          return candidate;
        }
      }
      return null;
    }
    int hash = 0;
    for (int i = right - 1; i >= start; i--) {
      char c = text.charAt(i);
      if (c == '.') {
        break;
      }
      hash = 31 * hash + lower(c);
    }
    int slot = hash & (table.length - 1);
    while (true) {
      Node candidate = table[slot];
      if (candidate == null) {
        return null;
      }
      if (candidate.hash == hash && goesOn(text, start, right, candidate.label)) {
        return candidate;
      }
      slot = (slot + 1) & (table.length - 1);
    }
  }

  /** Whether a host goes on with these labels, and then ends or has more of them. */
  private static boolean goesOn(CharSequence text, int start, int right, String label) {
    int from = right - label.length();
    return from >= start
        && (from == start || text.charAt(from - 1) == '.')
        && ((text instanceof String string && string.startsWith(label, from))
            || equalsLower(text, from, right, label));
  }

  private static boolean equalsLower(CharSequence text, int from, int to, String label) {
    if (to - from != label.length()) {
      return false;
    }
    for (int i = 0; i < label.length(); i++) {
      if (lower(text.charAt(from + i)) != label.charAt(i)) {
        return false;
      }
    }
    return true;
  }
}

package io.signetmesh.proxy.authorize.compile;

import io.signetmesh.proxy.authorize.ExpressionWork;
import io.signetmesh.proxy.authorize.LinearPattern;
import io.signetmesh.proxy.authorize.RequestAttributes;
import io.signetmesh.proxy.authorize.ResourceRef;
import io.signetmesh.proxy.authorize.compile.RouteEntry.PathPattern;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Finds the most specific of many matches of one host: a trie of path segments, whose nodes hold
 * the matches for exactly that path, for that prefix, and the regular expressions that begin so.
 * One walk along the path visits every match that can hold, the longest first.
 *
 * <p>What counts, in this order, as in Linkerd's proxy: the number of path characters matched, for
 * a regular expression the whole path; the number of headers; the number of query parameters; a
 * method; then the kind, exact before prefix before regular expression; then the order of the list.
 */
final class PathIndex {
  /** Up to this many children are compared one by one. */
  private static final int COMPARED = 3;

  /**
   * Stands for a request that has to be refused: an answer would cost too much, or is not clear.
   */
  static final RouteEntry REFUSED =
      new RouteEntry(
          new CompiledRoute(new ResourceRef("", "default", "invalid"), List.of(), null, null),
          null,
          null,
          List.of(),
          List.of(),
          null);

  private final Node root = new Node("", null);
  private final Map<String, List<Ranked>> rpcMethodsBuilding = new HashMap<>();
  private final MethodTable rpcMethods;

  /**
   * A match and its position among those that match as many characters.
   *
   * @param plain whether host and path are all that it asks for
   */
  private record Ranked(int rank, RouteEntry entry, boolean plain) {
    Ranked(int rank, RouteEntry entry) {
      this(rank, entry, entry.method() == null && entry.isUnconditional());
    }

    boolean accepts(RequestAttributes request, CharSequence target, int targetEnd) {
      return plain || entry.accepts(request, target, targetEnd);
    }
  }

  /** A path segment below its parent, or several where nothing branches or ends between them. */
  private static final class Node {
    private String segment;

    /** Hash of the first segment. */
    private final int hash;

    private @Nullable Node parent;

    /** Children: a few to be compared one by one, more in an open hash table. */
    private @Nullable Node[] children = new Node[0];

    private boolean hashed;

    /** Matches of the whole path that ends here: exact, literal expressions, and this prefix. */
    private Ranked[] whole = new Ranked[0];

    private Ranked[] prefixes = new Ranked[0];
    private Ranked[] expressions = new Ranked[0];

    /** Nearest node towards the root, itself included, that has prefixes; null: none has. */
    private @Nullable Node prefixed;

    /** Nearest node towards the root, itself included, that has expressions; null: none has. */
    private @Nullable Node expressed;

    private final Map<String, Node> building = new LinkedHashMap<>();
    private final List<Ranked> exactBuilding = new ArrayList<>(0);
    private final List<Ranked> prefixBuilding = new ArrayList<>(0);
    private final List<Ranked> expressionBuilding = new ArrayList<>(0);

    Node(String segment, @Nullable Node parent) {
      this.segment = segment;
      this.hash = segment.hashCode();
      this.parent = parent;
    }
  }

  /**
   * @param entries matches in the order of the list
   */
  PathIndex(List<RouteEntry> entries) {
    List<RouteEntry> sorted = new ArrayList<>(entries);
    // The sort is stable: what ties stays in the order of the list.
    sorted.sort(SPECIFICITY);
    for (int rank = 0; rank < sorted.size(); rank++) {
      RouteEntry entry = sorted.get(rank);
      Ranked ranked = new Ranked(rank, entry);
      PathPattern path = entry.path();
      switch (path) {
        case null -> root.prefixBuilding.add(ranked);
        case PathPattern.Exact exact -> node(exact.text()).exactBuilding.add(ranked);
        case PathPattern.Prefix prefix -> node(prefix.text()).prefixBuilding.add(ranked);
        case PathPattern.Expression expression -> {
          LinearPattern pattern = expression.pattern();
          String literal = pattern.prefix();
          if (pattern.isLiteral()) {
            node(literal).exactBuilding.add(ranked);
          } else {
            int slash = literal.lastIndexOf('/');
            Node node = slash < 0 ? root : node(literal.substring(0, slash));
            node.expressionBuilding.add(ranked);
          }
        }
        case PathPattern.RpcMethod rpc ->
            rpcMethodsBuilding.computeIfAbsent(rpc.method(), key -> new ArrayList<>(1)).add(ranked);
      }
    }
    freeze(root);
    rpcMethods = new MethodTable(rpcMethodsBuilding);
    rpcMethodsBuilding.clear();
  }

  private static final Comparator<RouteEntry> SPECIFICITY =
      Comparator.comparing((RouteEntry entry) -> -entry.headers().size())
          .thenComparing(entry -> -entry.query().size())
          .thenComparing(entry -> entry.method() == null)
          .thenComparing(entry -> entry.path() == null ? 1 : entry.path().order());

  private Node node(String path) {
    Node node = root;
    for (String segment : path.split("/", -1)) {
      Node parent = node;
      node = node.building.computeIfAbsent(segment, key -> new Node(key, parent));
    }
    return node;
  }

  /** Takes chains of nodes that hold nothing together. */
  private static Node compressed(Node node) {
    Node at = node;
    StringBuilder segment = new StringBuilder(node.segment);
    while (at.building.size() == 1
        && at.exactBuilding.isEmpty()
        && at.prefixBuilding.isEmpty()
        && at.expressionBuilding.isEmpty()) {
      at = at.building.values().iterator().next();
      segment.append('/').append(at.segment);
    }
    if (at == node) {
      return node;
    }
    Node whole = new Node(node.segment, node.parent);
    whole.segment = segment.toString();
    whole.exactBuilding.addAll(at.exactBuilding);
    whole.prefixBuilding.addAll(at.prefixBuilding);
    whole.expressionBuilding.addAll(at.expressionBuilding);
    at.building.forEach(
        (name, child) -> {
          child.parent = whole;
          whole.building.put(name, child);
        });
    return whole;
  }

  private static void freeze(Node node) {
    List<Ranked> whole = new ArrayList<>(node.exactBuilding);
    whole.addAll(node.prefixBuilding);
    node.whole = reachable(whole);
    node.prefixes = reachable(node.prefixBuilding);
    node.expressions = node.expressionBuilding.toArray(Ranked[]::new);
    Node parent = node.parent;
    node.prefixed = node.prefixes.length > 0 ? node : parent == null ? null : parent.prefixed;
    node.expressed = node.expressions.length > 0 ? node : parent == null ? null : parent.expressed;
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
    node.prefixBuilding.clear();
    node.expressionBuilding.clear();
  }

  /** The matches that can be found: one that asks for nothing more hides those after it. */
  private static Ranked[] reachable(List<Ranked> matches) {
    List<Ranked> sorted = new ArrayList<>(matches);
    sorted.sort(Comparator.comparingInt(Ranked::rank));
    List<Ranked> kept = new ArrayList<>(sorted.size());
    Set<String> methods = new HashSet<>();
    for (Ranked one : sorted) {
      String method = one.entry().method();
      if (method != null && methods.contains(method)) {
        continue;
      }
      kept.add(one);
      if (one.entry().isUnconditional()) {
        if (method == null) {
          break;
        }
        methods.add(method);
      }
    }
    return kept.toArray(Ranked[]::new);
  }

  /**
   * The match of a request, or null. It counts for nothing when the budget of the request's {@link
   * ExpressionWork} is exhausted.
   *
   * @param target path and query as sent
   * @param targetEnd where the query begins in {@code target}
   * @param path path to look for, up to {@code end}
   */
  @Nullable RouteEntry find(
      RequestAttributes request, CharSequence target, int targetEnd, CharSequence path, int end) {
    Node node = root;
    int from = 0;
    boolean whole = false;
    while (node.children.length > 0) {
      Node next = child(node, path, from, end);
      if (next == null) {
        break;
      }
      node = next;
      from += next.segment.length();
      if (from == end) {
        whole = true;
        break;
      }
      from++;
    }
    // All that match the whole path count the same: the best rank wins.
    Ranked best = whole ? first(node.whole, request, target, targetEnd) : null;
    if (end <= 1) {
      // A match of any path, or of the prefix "/", counts for one character.
      best = better(best, first(root.prefixes, request, target, targetEnd));
    }
    for (Node at = node.expressed; at != null; at = parentExpressed(at)) {
      for (Ranked one : at.expressions) {
        if (best != null && one.rank() >= best.rank()) {
          break;
        }
        if (one.accepts(request, target, targetEnd)
            && one.entry().path() instanceof PathPattern.Expression expression) {
          if (request.expressions().matches(expression.pattern(), path, end)) {
            best = one;
            break;
          }
        }
      }
    }
    if (best != null) {
      return best.entry();
    }
    for (Node at = node.prefixed; at != null && at != root; at = parentPrefixed(at)) {
      Ranked found = first(at.prefixes, request, target, targetEnd);
      if (found != null) {
        return found.entry();
      }
    }
    Ranked[] methods = rpcMethods.find(path, end);
    Ranked found = methods == null ? null : first(methods, request, target, targetEnd);
    if (found == null) {
      found = first(root.prefixes, request, target, targetEnd);
    }
    return found == null ? null : found.entry();
  }

  private static @Nullable Node parentExpressed(Node node) {
    return node.parent == null ? null : node.parent.expressed;
  }

  private static @Nullable Node parentPrefixed(Node node) {
    return node.parent == null ? null : node.parent.prefixed;
  }

  private static @Nullable Ranked better(@Nullable Ranked a, @Nullable Ranked b) {
    return a == null ? b : b == null || a.rank() <= b.rank() ? a : b;
  }

  private static @Nullable Ranked first(
      Ranked[] matches, RequestAttributes request, CharSequence target, int targetEnd) {
    for (Ranked one : matches) {
      if (one.accepts(request, target, targetEnd)) {
        return one;
      }
    }
    return null;
  }

  /** The child that the path goes on with at {@code from}. */
  private static @Nullable Node child(Node node, CharSequence path, int from, int end) {
    @Nullable Node[] table = node.children;
    if (!node.hashed) {
      for (Node candidate : table) {
        if (candidate != null && goesOn(path, from, end, candidate.segment)) {
          return candidate;
        }
      }
      return null;
    }
    int hash = 0;
    for (int i = from; i < end; i++) {
      char c = path.charAt(i);
      if (c == '/') {
        break;
      }
      hash = 31 * hash + c;
    }
    int slot = hash & (table.length - 1);
    while (true) {
      Node candidate = table[slot];
      if (candidate == null) {
        return null;
      }
      if (candidate.hash == hash && goesOn(path, from, end, candidate.segment)) {
        return candidate;
      }
      slot = (slot + 1) & (table.length - 1);
    }
  }

  /** Whether a path goes on with these segments, and then ends or has more of them. */
  private static boolean goesOn(CharSequence path, int from, int end, String segment) {
    int to = from + segment.length();
    return to <= end
        && (to == end || path.charAt(to) == '/')
        && regionEquals(path, from, to, segment);
  }

  private static boolean regionEquals(CharSequence text, int from, int to, String expected) {
    if (to - from != expected.length()) {
      return false;
    }
    if (text instanceof String string) {
      return string.startsWith(expected, from);
    }
    for (int i = 0; i < expected.length(); i++) {
      if (text.charAt(from + i) != expected.charAt(i)) {
        return false;
      }
    }
    return true;
  }

  /** Matches of gRPC methods of any service, by method. */
  private static final class MethodTable {
    private final @Nullable String[] names;
    private final Ranked[][] matches;

    MethodTable(Map<String, List<Ranked>> methods) {
      int count = methods.size();
      names = new String[count == 0 ? 0 : Integer.highestOneBit(count) * 4];
      matches = new Ranked[names.length][];
      methods.forEach(
          (name, list) -> {
            int slot = name.hashCode() & (names.length - 1);
            while (names[slot] != null) {
              slot = (slot + 1) & (names.length - 1);
            }
            names[slot] = name;
            matches[slot] = reachable(list);
          });
    }

    Ranked @Nullable [] find(CharSequence path, int end) {
      if (names.length == 0) {
        return null;
      }
      int begin = PathPattern.RpcMethod.nameStart(path, end);
      if (begin < 0) {
        return null;
      }
      int hash = 0;
      for (int i = begin; i < end; i++) {
        hash = 31 * hash + path.charAt(i);
      }
      int slot = hash & (names.length - 1);
      while (true) {
        String name = names[slot];
        if (name == null) {
          return null;
        }
        if (regionEquals(path, begin, end, name)) {
          return matches[slot];
        }
        slot = (slot + 1) & (names.length - 1);
      }
    }
  }
}

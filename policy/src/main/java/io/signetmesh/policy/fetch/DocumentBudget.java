package io.signetmesh.policy.fetch;

import io.signetmesh.policy.model.ObjectRef;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * Bytes that fetched documents may have, for each namespace and in all. A document that is known
 * counts with its size, one that is being fetched or loaded with the most that it may have. What
 * several namespaces need counts for each of them, and once in all. Made anew for each step.
 *
 * <p>When all namespaces together have too much, the one that has most gives up its largest
 * document, for one of a namespace that will have less with it. So whoever comes late gets as much
 * as the others, and nobody's documents displace those of a namespace that has less. This is done
 * when the document is there, by its own size.
 */
final class DocumentBudget {
  /** Bytes of the documents that one namespace needs. */
  static final int MAX_NAMESPACE = 4 << 20;

  /** Bytes of all documents. */
  static final int MAX_ALL = 64 << 20;

  /** What is known. */
  private final Use known = new Use();

  /** What is known or comes. */
  private final Use expected = new Use();

  private final Map<DocumentState, String> refused = new LinkedHashMap<>();
  private final Map<DocumentState, String> givenUp = new LinkedHashMap<>();

  /** What may be given up. */
  private final List<DocumentState> settled = new ArrayList<>();

  private static final class Use {
    private final Map<String, Long> byNamespace = new HashMap<>();
    private long all;

    private void add(DocumentState document, long bytes) {
      namespaces(document).forEach(one -> byNamespace.merge(one, bytes, Long::sum));
      all += bytes;
    }

    /** The namespace that has no room for so many bytes more; null when there is one with room. */
    private @Nullable String full(DocumentState document, long bytes) {
      String full = null;
      for (String namespace : namespaces(document)) {
        long taken = byNamespace.getOrDefault(namespace, 0L);
        if (taken + bytes <= MAX_NAMESPACE) {
          return null;
        }
        full = "namespace " + namespace + " have " + taken + " of " + MAX_NAMESPACE + " bytes";
      }
      return full;
    }
  }

  /**
   * @param all documents that somebody needs
   * @param underWay documents that are being fetched
   */
  DocumentBudget(Collection<DocumentState> all, Set<DocumentState> underWay) {
    for (DocumentState document : all) {
      long size = size(document);
      known.add(document, size);
      boolean isUnderWay = underWay.contains(document);
      expected.add(document, isUnderWay ? most(document) : size);
      if (!isUnderWay && size > 0) {
        settled.add(document);
      }
    }
    Set<DocumentState> needed = Set.copyOf(all);
    for (DocumentState document : underWay) {
      if (!needed.contains(document)) {
        expected.add(document, most(document));
      }
    }
  }

  /**
   * Takes the most that a document may have, in place of what is known of it. When there is no room
   * and no end of a fetch would make any, it is among those that are {@link #refused}.
   */
  boolean take(DocumentState document) {
    long more = most(document) - size(document);
    String full = known.full(document, more);
    if (full == null && victims(document, more, known.all + more - MAX_ALL) == null) {
      full = "all namespaces have " + known.all + " of " + MAX_ALL + " bytes";
    }
    if (full != null) {
      refused.put(
          document,
          "is not fetched: the documents of "
              + full
              + ", and a "
              + document.form.noun()
              + " may have "
              + document.form.maxBytes());
      return false;
    }
    if (expected.full(document, more) != null
        || victims(document, more, expected.all + more - MAX_ALL) == null) {
      return false;
    }
    expected.add(document, more);
    return true;
  }

  /**
   * Makes room for a document that is there, in place of what was known of it: others may be among
   * those that are {@link #givenUp} for it.
   *
   * @param size bytes of the document
   * @return false when there is none, and nothing is given up
   */
  boolean keep(DocumentState document, long size) {
    long more = size - size(document);
    Set<DocumentState> victims = victims(document, more, known.all + more - MAX_ALL);
    if (victims == null) {
      return false;
    }
    for (DocumentState one : victims) {
      givenUp.put(
          one,
          "was given up: the documents of all namespaces have "
              + MAX_ALL
              + " bytes at most, and those of namespace "
              + onlyNamespace(one)
              + " had most");
    }
    return true;
  }

  /**
   * What is given up for a document: of namespaces that have more than its own will have.
   *
   * @param bytes that the document takes more than now
   * @param missing bytes that are to be free
   * @return null when that is not enough
   */
  private @Nullable Set<DocumentState> victims(DocumentState document, long bytes, long missing) {
    Set<DocumentState> chosen = new LinkedHashSet<>();
    if (missing <= 0) {
      return chosen;
    }
    long own = Long.MAX_VALUE;
    for (String namespace : namespaces(document)) {
      own = Math.min(own, known.byNamespace.getOrDefault(namespace, 0L) + bytes);
    }
    Map<String, Long> left = new HashMap<>(known.byNamespace);
    long toFree = missing;
    while (toFree > 0) {
      DocumentState next = null;
      long most = own;
      for (DocumentState other : settled) {
        String only = onlyNamespace(other);
        long has = only == null ? 0 : left.getOrDefault(only, 0L);
        if (other != document
            && !chosen.contains(other)
            && (has > most || (has == most && next != null && size(other) > size(next)))) {
          next = other;
          most = has;
        }
      }
      if (next == null) {
        return null;
      }
      chosen.add(next);
      left.merge(Objects.requireNonNull(onlyNamespace(next)), -size(next), Long::sum);
      toFree -= size(next);
    }
    return chosen;
  }

  /** The namespace that alone needs a document; null when several do. */
  private static @Nullable String onlyNamespace(DocumentState document) {
    Set<String> all = namespaces(document);
    return all.size() == 1 ? all.iterator().next() : null;
  }

  /** Refuses a document that is not known yet, when another one of its kind was refused. */
  void refuseLike(DocumentState refusedOne, DocumentState document) {
    String why = refused.get(refusedOne);
    if (why != null && size(document) == 0) {
      refused.put(document, why);
    }
  }

  /** Why there is no room for some documents. */
  Map<DocumentState, String> refused() {
    return refused;
  }

  /** Why some documents are not kept any more, to be applied by whoever made this. */
  Map<DocumentState, String> givenUp() {
    return givenUp;
  }

  private static Set<String> namespaces(DocumentState document) {
    Set<String> namespaces = new TreeSet<>();
    for (ObjectRef user : document.needs.keySet()) {
      namespaces.add(user.namespace());
    }
    return namespaces.isEmpty() ? Set.of(document.turn) : namespaces;
  }

  private static long size(DocumentState document) {
    return document.document.content().size();
  }

  private static long most(DocumentState document) {
    return Math.max(size(document), document.form.maxBytes());
  }
}

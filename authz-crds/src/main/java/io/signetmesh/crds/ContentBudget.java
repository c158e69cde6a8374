package io.signetmesh.crds;

import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Bytes that the policy bundles in ConfigMaps may have, for each namespace and in all. Equal
 * contents count once for a namespace, and once in all. A namespace gets no more than it leaves
 * free for the others: so when most is taken, those that come late with little still have room.
 * Used for one state of the objects.
 */
public final class ContentBudget {
  /** Bytes of the bundles of one namespace. */
  public static final int MAX_NAMESPACE = 4 << 20;

  /** Bytes of all bundles. */
  public static final int MAX_ALL = 64 << 20;

  private final Map<String, Taken> byNamespace = new HashMap<>();
  private final Taken all = new Taken();

  private static final class Taken {
    private final Set<ContentHolder.Content> contents = new HashSet<>();
    private long bytes;

    private boolean hasRoom(ContentHolder.Content content, int most) {
      return contents.contains(content) || bytes + content.size() <= most;
    }

    private void add(ContentHolder.Content content) {
      if (contents.add(content)) {
        bytes += content.size();
      }
    }
  }

  /**
   * Takes the room for a content.
   *
   * @return why there is none, one sentence without a full stop; null when it was taken
   */
  @Nullable String take(String namespace, ContentHolder.Content content) {
    Taken own = byNamespace.computeIfAbsent(namespace, name -> new Taken());
    if (!own.hasRoom(content, MAX_NAMESPACE)) {
      return "has "
          + content.size()
          + " bytes and is not kept: the bundles in ConfigMaps of namespace "
          + namespace
          + " before it have "
          + own.bytes
          + ", expected at most "
          + MAX_NAMESPACE
          + " together";
    }
    // Of what is left a namespace may have as much as it leaves.
    if (!all.contents.contains(content)
        && own.bytes + content.size() > MAX_ALL - all.bytes - content.size()) {
      return "has "
          + content.size()
          + " bytes and is not kept: the bundles in ConfigMaps of all namespaces before it have "
          + all.bytes
          + " of "
          + MAX_ALL
          + ", and a namespace may have as much as it leaves free: namespace "
          + namespace
          + " has "
          + own.bytes;
    }
    own.add(content);
    all.add(content);
    return null;
  }
}

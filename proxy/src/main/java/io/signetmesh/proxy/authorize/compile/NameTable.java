package io.signetmesh.proxy.authorize.compile;

import io.signetmesh.proxy.authorize.Client;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Authorizations by a name: an open hash table in arrays, so that a name that is not in it costs
 * one look at an array, and one whose authorization holds everywhere costs no look at its networks.
 */
final class NameTable {
  private static final int GOLDEN = 0x9e3779b9;

  /** No slot has it: ids are -1 or not negative. */
  private static final long EMPTY = 0x8000_0000L;

  private final int shift;

  /**
   * Hash of the name in the high half; in the low half the id of what comes first under the name,
   * when it holds for every address, or -1.
   */
  private final long[] slots;

  private final @Nullable String[] names;
  private final @Nullable NetworkIndex[] indexes;

  /** How a name's hash is made. */
  interface Hash {
    int of(String name);
  }

  private NameTable(Map<String, List<NetworkIndex.Entry>> entries, Hash hash) {
    int bits = 32 - Integer.numberOfLeadingZeros(Math.max(1, entries.size()) * 2);
    int size = 1 << bits;
    shift = 32 - bits;
    slots = new long[size];
    Arrays.fill(slots, EMPTY);
    names = new String[size];
    indexes = new NetworkIndex[size];
    // Many names may share few long lists of networks. An entry's id tells its networks.
    Map<List<Integer>, NetworkIndex> shared = new HashMap<>();
    entries.forEach(
        (name, list) -> {
          int h = hash.of(name);
          int slot = h * GOLDEN >>> shift;
          while (names[slot] != null) {
            slot = (slot + 1) & (size - 1);
          }
          NetworkIndex index =
              shared.computeIfAbsent(
                  list.stream().map(NetworkIndex.Entry::id).toList(), ids -> NetworkIndex.of(list));
          int everywhere = index.isEverywhere() ? index.firstId() : -1;
          slots[slot] = (long) h << 32 | (everywhere & 0xffff_ffffL);
          names[slot] = name;
          indexes[slot] = index;
        });
  }

  /** The slot of the name that {@code text} is from {@code from} on, or -1. */
  private int slot(int hash, String text, int from) {
    int slot = hash * GOLDEN >>> shift;
    while (true) {
      long entry = slots[slot];
      if (entry == EMPTY) {
        return -1;
      }
      String name = (int) (entry >>> 32) == hash ? names[slot] : null;
      if (name != null && name.length() == text.length() - from && text.startsWith(name, from)) {
        return slot;
      }
      slot = (slot + 1) & (names.length - 1);
    }
  }

  /** The lowest id of a name whose networks hold, or -1. */
  private int first(int hash, String text, int from, Client client) {
    int slot = slot(hash, text, from);
    if (slot < 0) {
      return -1;
    }
    int id = (int) slots[slot];
    if (id >= 0) {
      return id;
    }
    NetworkIndex index = indexes[slot];
    return index == null ? -1 : index.first(client);
  }

  private int firstIgnoringNetworks(int hash, String text, int from) {
    int slot = slot(hash, text, from);
    NetworkIndex index = slot < 0 ? null : indexes[slot];
    return index == null ? -1 : index.firstId();
  }

  /** Exact identities. */
  static final class Exact {
    /** Shared by all that have none. */
    private static final Exact NONE = new Exact(Map.of());

    private final @Nullable NameTable table;

    private Exact(Map<String, List<NetworkIndex.Entry>> entries) {
      table = entries.isEmpty() ? null : new NameTable(entries, String::hashCode);
    }

    /** The lowest id for an identity whose networks hold, or -1. */
    int first(String identity, Client client) {
      return table == null ? -1 : table.first(identity.hashCode(), identity, 0, client);
    }

    /** The lowest id for an identity, whatever its networks, or -1. */
    int firstIgnoringNetworks(String identity) {
      return table == null ? -1 : table.firstIgnoringNetworks(identity.hashCode(), identity, 0);
    }
  }

  /**
   * Identity suffixes, whole labels: {@code a.b} holds for {@code x.a.b}, and not for itself. A
   * client knows the hash of each of its suffixes, and there is one look for each number of labels
   * that any suffix here has.
   */
  static final class Suffixes {
    /** Shared by all that have none. */
    private static final Suffixes NONE = new Suffixes(Map.of());

    private final @Nullable NameTable table;
    private final int[] labels;

    private Suffixes(Map<String, List<NetworkIndex.Entry>> entries) {
      table = entries.isEmpty() ? null : new NameTable(entries, Client::suffixHash);
      labels = entries.keySet().stream().mapToInt(Suffixes::labels).distinct().sorted().toArray();
    }

    /** Number of labels of a name. */
    private static int labels(String name) {
      return 1 + (int) name.chars().filter(c -> c == '.').count();
    }

    /** The lowest id whose suffix and networks hold, or -1. */
    int first(String identity, Client client) {
      int found = -1;
      if (table != null) {
        for (int count : labels) {
          if (count > client.suffixes()) {
            break;
          }
          int id =
              table.first(client.suffixHash(count), identity, client.suffixStart(count), client);
          if (id >= 0 && (found < 0 || id < found)) {
            found = id;
          }
        }
      }
      return found;
    }

    /** The lowest id whose suffix holds, whatever its networks, or -1. */
    int firstIgnoringNetworks(String identity, Client client) {
      int found = -1;
      if (table != null) {
        for (int count : labels) {
          if (count > client.suffixes()) {
            break;
          }
          int id =
              table.firstIgnoringNetworks(
                  client.suffixHash(count), identity, client.suffixStart(count));
          if (id >= 0 && (found < 0 || id < found)) {
            found = id;
          }
        }
      }
      return found;
    }
  }

  /** Collects entries by name. */
  static final class Builder {
    private final Map<String, List<NetworkIndex.Entry>> entries = new LinkedHashMap<>();

    void add(String name, NetworkIndex.Entry entry) {
      entries.computeIfAbsent(name, key -> new ArrayList<>(1)).add(entry);
    }

    Exact exact() {
      return entries.isEmpty() ? Exact.NONE : new Exact(entries);
    }

    Suffixes suffixes() {
      return entries.isEmpty() ? Suffixes.NONE : new Suffixes(entries);
    }
  }
}

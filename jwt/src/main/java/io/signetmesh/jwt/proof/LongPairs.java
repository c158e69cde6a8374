package io.signetmesh.jwt.proof;

/** A set of pairs of numbers that are digests, so that their bits are spread already. */
final class LongPairs {
  private static final int FIRST = 16;

  /** Pairs one after the other, two zeros where there is none. Half of it is free at least. */
  private long[] table = new long[2 * FIRST];

  private int size;

  int size() {
    return size;
  }

  boolean contains(long high, long low) {
    int at = place(table, high, some(low));
    return table[at] != 0 || table[at + 1] != 0;
  }

  void add(long high, long low) {
    if (4 * (size + 1) > table.length) {
      long[] larger = new long[2 * table.length];
      for (int i = 0; i < table.length; i += 2) {
        if (table[i] != 0 || table[i + 1] != 0) {
          put(larger, table[i], table[i + 1]);
        }
      }
      table = larger;
    }
    if (put(table, high, some(low))) {
      size++;
    }
  }

  /** A pair of zeros would look like none. */
  private static long some(long low) {
    return low == 0 ? 1 : low;
  }

  private static boolean put(long[] table, long high, long low) {
    int at = place(table, high, low);
    boolean free = table[at] == 0 && table[at + 1] == 0;
    table[at] = high;
    table[at + 1] = low;
    return free;
  }

  /** Where a pair is, or where it would be. */
  private static int place(long[] table, long high, long low) {
    int mask = table.length - 1;
    int at = (int) high << 1 & mask;
    while ((table[at] != 0 || table[at + 1] != 0) && (table[at] != high || table[at + 1] != low)) {
      at = at + 2 & mask;
    }
    return at;
  }
}

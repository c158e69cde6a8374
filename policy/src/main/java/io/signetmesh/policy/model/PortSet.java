package io.signetmesh.policy.model;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Set;
import java.util.function.Function;

/**
 * A set of ports as written in an annotation: {@code 25,587,9000-9005,admin}.
 *
 * @param ports the ports
 * @param malformed entries that are neither a port, a range nor a known port name
 */
public record PortSet(BitSet ports, List<String> malformed) {
  /** No port. */
  public static PortSet empty() {
    return new PortSet(new BitSet(), List.of());
  }

  /** Copies its arguments. */
  public PortSet {
    ports = (BitSet) ports.clone();
    malformed = List.copyOf(malformed);
  }

  /**
   * Reads a comma-separated list of ports, ranges and names. Empty entries are skipped.
   *
   * @param names numbers of a port name; empty when there is no such name
   */
  public static PortSet parse(String text, Function<String, Set<Integer>> names) {
    BitSet ports = new BitSet();
    List<String> malformed = new ArrayList<>();
    for (String raw : text.split(",", -1)) {
      String entry = raw.strip();
      if (!entry.isEmpty() && !add(entry, names, ports)) {
        malformed.add(entry);
      }
    }
    return new PortSet(ports, malformed);
  }

  /** Whether the set has the port. */
  public boolean contains(int port) {
    return ports.get(port);
  }

  private static boolean add(String entry, Function<String, Set<Integer>> names, BitSet ports) {
    if (entry.matches("[0-9]{1,5}")) {
      int port = Integer.parseInt(entry);
      if (port < 1 || port > 65535) {
        return false;
      }
      ports.set(port);
      return true;
    }
    if (entry.matches("[0-9]{1,5}-[0-9]{1,5}")) {
      int dash = entry.indexOf('-');
      int from = Integer.parseInt(entry.substring(0, dash));
      int to = Integer.parseInt(entry.substring(dash + 1));
      if (from < 1 || to > 65535 || from > to) {
        return false;
      }
      ports.set(from, to + 1);
      return true;
    }
    Set<Integer> numbers = names.apply(entry);
    numbers.forEach(ports::set);
    return !numbers.isEmpty();
  }
}

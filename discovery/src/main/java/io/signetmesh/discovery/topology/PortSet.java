package io.signetmesh.discovery.topology;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * A set of TCP ports as annotations write it: numbers, ranges and names of ports, separated by
 * commas ({@code 25,3300-3310,mysql}). Immutable.
 */
public final class PortSet {
  /** No port. */
  public static final PortSet EMPTY = new PortSet(new BitSet(), Set.of(), List.of());

  private static final Pattern NAME = Pattern.compile("[a-z0-9]([-a-z0-9]*[a-z0-9])?");
  private static final int MAX_PORT = 65_535;
  private static final int MAX_NAME = 63;

  private final BitSet numbers;
  private final Set<String> names;
  private final List<String> faults;

  private PortSet(BitSet numbers, Set<String> names, List<String> faults) {
    this.numbers = numbers;
    this.names = Set.copyOf(names);
    this.faults = List.copyOf(faults);
  }

  /**
   * Reads a list; items that are none of number, range and name are left out and named in {@link
   * #faults}.
   */
  public static PortSet parse(String text) {
    BitSet numbers = new BitSet();
    Set<String> names = new HashSet<>();
    List<String> faults = new ArrayList<>();
    for (String raw : text.split(",", -1)) {
      String item = raw.strip();
      if (item.isEmpty()) {
        continue;
      }
      int dash = item.indexOf('-');
      int from = number(dash < 0 ? item : item.substring(0, dash));
      int to = dash < 0 ? from : number(item.substring(dash + 1));
      if (from > 0 && to >= from) {
        numbers.set(from, to + 1);
      } else if (isName(item)) {
        names.add(item);
      } else {
        faults.add(item);
      }
    }
    return new PortSet(numbers, names, faults);
  }

  /** The set of one port number, 1 to 65535. */
  public static PortSet of(int... ports) {
    BitSet numbers = new BitSet();
    for (int port : ports) {
      if (port < 1 || port > MAX_PORT) {
        throw new IllegalArgumentException("port " + port + ": expected 1 to " + MAX_PORT);
      }
      numbers.set(port);
    }
    return new PortSet(numbers, Set.of(), List.of());
  }

  /** Whether the number is in the set; names are not looked at. */
  public boolean contains(int port) {
    return port >= 0 && numbers.get(port);
  }

  /** Whether the number is in the set, or a name in the set stands for it. */
  public boolean contains(int port, Map<String, Integer> namedPorts) {
    if (contains(port)) {
      return true;
    }
    for (String name : names) {
      Integer named = namedPorts.get(name);
      if (named != null && named == port) {
        return true;
      }
    }
    return false;
  }

  /** Items of the text that were left out because they are not ports. */
  public List<String> faults() {
    return faults;
  }

  private static boolean isName(String item) {
    return item.length() <= MAX_NAME
        && NAME.matcher(item).matches()
        && item.chars().anyMatch(c -> c >= 'a' && c <= 'z');
  }

  private static int number(String text) {
    if (text.isEmpty() || text.length() > 5 || !text.chars().allMatch(c -> c >= '0' && c <= '9')) {
      return -1;
    }
    int value = Integer.parseInt(text);
    return value <= MAX_PORT ? value : -1;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof PortSet that
        && numbers.equals(that.numbers)
        && names.equals(that.names)
        && faults.equals(that.faults);
  }

  @Override
  public int hashCode() {
    return 31 * numbers.hashCode() + names.hashCode();
  }

  @Override
  public String toString() {
    return numbers + (names.isEmpty() ? "" : " " + names);
  }
}

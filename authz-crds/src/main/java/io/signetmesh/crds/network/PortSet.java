package io.signetmesh.crds.network;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.regex.Pattern;

/**
 * A set of TCP ports in the format of annotations: numbers, ranges and port names, separated by
 * commas ({@code 25,3300-3310,mysql}). A port name can stand for a different number in each
 * workload; {@link #resolve} looks it up. Immutable.
 */
public final class PortSet {
  /** No port. */
  public static final PortSet EMPTY = new PortSet(new BitSet(), List.of());

  private static final int MAX_PORT = 65_535;
  private static final int MAX_NAME = 63;
  private static final Pattern NAME = Pattern.compile("[a-z0-9]([-a-z0-9]*[a-z0-9])?");

  private final BitSet numbers;
  private final List<String> others;

  private PortSet(BitSet numbers, List<String> others) {
    this.numbers = numbers;
    this.others = List.copyOf(others);
  }

  /**
   * Parses a comma-separated list. Empty entries are skipped. Entries that are neither a number nor
   * a range become {@link #others}: port names, and anything invalid.
   */
  public static PortSet parse(String text) {
    BitSet numbers = new BitSet();
    List<String> others = new ArrayList<>();
    for (String raw : text.split(",", -1)) {
      String entry = raw.strip();
      int dash = entry.indexOf('-');
      int from = number(dash < 0 ? entry : entry.substring(0, dash));
      int to = dash < 0 ? from : number(entry.substring(dash + 1));
      if (from > 0 && to >= from) {
        numbers.set(from, to + 1);
      } else if (!entry.isEmpty()) {
        others.add(entry);
      }
    }
    return new PortSet(numbers, others);
  }

  /**
   * The set of these port numbers.
   *
   * @throws IllegalArgumentException when a number is not from 1 to 65535
   */
  public static PortSet of(int... ports) {
    BitSet numbers = new BitSet();
    for (int port : ports) {
      if (port < 1 || port > MAX_PORT) {
        throw new IllegalArgumentException("port " + port + ": expected 1 to " + MAX_PORT);
      }
      numbers.set(port);
    }
    return new PortSet(numbers, List.of());
  }

  /**
   * Replaces port names with their numbers in one workload.
   *
   * @param numbersOf the numbers of a port name; empty for an unknown name
   * @return a new set, whose {@link #others} are the entries without a number
   */
  public PortSet resolve(Function<String, Set<Integer>> numbersOf) {
    BitSet resolved = (BitSet) numbers.clone();
    List<String> unknown = new ArrayList<>();
    for (String entry : others) {
      Set<Integer> named = numbersOf.apply(entry);
      named.forEach(resolved::set);
      if (named.isEmpty()) {
        unknown.add(entry);
      }
    }
    return new PortSet(resolved, unknown);
  }

  /** Whether the number is in the set. Port names are ignored. */
  public boolean contains(int port) {
    return port >= 0 && numbers.get(port);
  }

  /**
   * Whether the number is in the set, directly or through a valid port name.
   *
   * @param namedPorts number of each port name
   */
  public boolean contains(int port, Map<String, Integer> namedPorts) {
    if (contains(port)) {
      return true;
    }
    for (String entry : others) {
      Integer named = namedPorts.get(entry);
      if (named != null && named == port && isName(entry)) {
        return true;
      }
    }
    return false;
  }

  /**
   * Entries that are neither a number from 1 to 65535 nor a range of such, as written and in order.
   */
  public List<String> others() {
    return others;
  }

  private static boolean isName(String entry) {
    return entry.length() <= MAX_NAME
        && NAME.matcher(entry).matches()
        && entry.chars().anyMatch(c -> c >= 'a' && c <= 'z');
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
        && others.equals(that.others);
  }

  @Override
  public int hashCode() {
    return 31 * numbers.hashCode() + others.hashCode();
  }

  @Override
  public String toString() {
    return numbers + (others.isEmpty() ? "" : " " + others);
  }
}

package io.signetmesh.discovery.destination;

import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Limits how many ports that services do not declare one identity asks for, over all its
 * connections. Clients share the answers about declared ports, so the cluster has a bounded number
 * of them. There are 65,535 undeclared ports, and the answer about each has all endpoints of the
 * service. A port counts once, however many replicas ask for it. Thread-safe.
 */
final class UndeclaredPorts {
  /** Far more than what clients call beside the ports of services. */
  static final int MOST = 64;

  /** The number of open questions for each port, by whom they count for. */
  private final ConcurrentHashMap<String, Map<Authority.Name, Integer>> held =
      new ConcurrentHashMap<>();

  /**
   * Takes room for one question.
   *
   * @param who identity of the caller; for a node together with the workload that it speaks for
   * @return false when the caller asks for as many other ports as allowed; then nothing is taken
   */
  boolean take(String who, Authority.Name port) {
    boolean[] taken = new boolean[1];
    held.compute(
        who,
        (key, before) -> {
          Map<Authority.Name, Integer> ports = before == null ? new HashMap<>() : before;
          taken[0] = ports.containsKey(port) || ports.size() < MOST;
          if (taken[0]) {
            ports.merge(port, 1, Integer::sum);
          }
          return ports;
        });
    return taken[0];
  }

  /** Gives the room of a question back. */
  void give(String who, Authority.Name port) {
    held.computeIfPresent(
        who,
        (key, ports) -> {
          ports.computeIfPresent(port, (name, count) -> count == 1 ? null : count - 1);
          return ports.isEmpty() ? null : ports;
        });
  }
}

package io.signetmesh.discovery.destination;

import io.signetmesh.identity.channel.Caller;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Bounds the questions of one identity for ports that a service does not declare, over all its
 * connections. Answers to questions about declared ports are shared by whoever asks, so that there
 * are no more of them than the cluster has ports. Of other ports there are 65,535, and each has an
 * answer of its own with all endpoints of the service. Thread-safe.
 */
final class UndeclaredPorts {
  /** Far more than what clients call beside the ports of services. */
  static final int MOST = 64;

  private final ConcurrentHashMap<String, Integer> held = new ConcurrentHashMap<>();

  /** Whom a call counts for. */
  static String who(Caller caller) {
    return switch (caller) {
      case Caller.Identified identified -> identified.identity().name();
      case Caller.TrustedLocal local -> "";
      case Caller.Unidentified nobody -> "";
    };
  }

  /**
   * Takes room for one question.
   *
   * @return false when the caller has as many as allowed; then nothing is taken
   */
  boolean take(String who) {
    boolean[] taken = new boolean[1];
    held.compute(
        who,
        (key, count) -> {
          int now = count == null ? 0 : count;
          taken[0] = now < MOST;
          return taken[0] ? Integer.valueOf(now + 1) : count;
        });
    return taken[0];
  }

  /** Gives the room of a question back. */
  void give(String who) {
    held.computeIfPresent(who, (key, count) -> count == 1 ? null : count - 1);
  }
}

package io.signetmesh.bench.rotation;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** What goes wrong during a rotation. */
enum Trouble {
  /** A proxy is stopped by SIGSTOP until Retire. */
  FROZEN(true),
  /** The network between a proxy and the identity server loses everything, to the end. */
  CUT_OFF(true),
  /** A proxy is killed and started again, every four seconds. */
  RESTARTING(true),
  /** The control plane, with the identity server, is killed in each phase. */
  KILL_SERVER(false),
  /** The command is killed in each phase. */
  KILL_COMMAND(false);

  private final boolean victim;

  Trouble(boolean victim) {
    this.victim = victim;
  }

  String label() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  /** Whether a proxy of its own is in it. */
  boolean hasVictim() {
    return victim;
  }

  /**
   * Reads a name of the command line.
   *
   * @throws IllegalArgumentException when there is none of that name
   */
  static List<Trouble> parse(String name) {
    if (name.equals("all")) {
      return List.of(values());
    }
    return List.of(
        Arrays.stream(values())
            .filter(trouble -> trouble.label().equals(name))
            .findFirst()
            .orElseThrow(
                () ->
                    new IllegalArgumentException(
                        "trouble '"
                            + name
                            + "': expected all, frozen, cut-off, restarting, kill-server or"
                            + " kill-command")));
  }
}

package io.signetmesh.bench.rotation;

import io.signetmesh.testkit.MeshRotations;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * From when to when a rotation was in a phase.
 *
 * @param name in upper case, as in {@code RENEW}
 */
record PhaseTime(String name, Instant from, Instant to) {
  /** All phases of a rotation that have ended, in order. */
  static List<PhaseTime> of(List<MeshRotations.Stretch> phases) {
    List<PhaseTime> times = new ArrayList<>();
    for (int i = 0; i + 1 < phases.size(); i++) {
      times.add(
          new PhaseTime(phases.get(i).phase(), phases.get(i).began(), phases.get(i + 1).began()));
    }
    return times;
  }

  /** The name as in a sentence. */
  String label() {
    return name.charAt(0) + name.substring(1).toLowerCase(Locale.ROOT);
  }

  double seconds() {
    return Duration.between(from, to).toMillis() / 1e3;
  }
}

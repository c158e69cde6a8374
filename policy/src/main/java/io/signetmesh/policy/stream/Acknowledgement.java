package io.signetmesh.policy.stream;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * What a proxy says of a port.
 *
 * @param generation generation that is in force; 0 for none
 * @param at when it said so; null when it said nothing
 * @param refusal why the proxy refuses everything at the port; empty when it does not
 */
record Acknowledgement(long generation, @Nullable Instant at, String refusal) {
  /** Nothing was said. */
  static final Acknowledgement NOTHING = new Acknowledgement(0, null, "");
}

package io.signetmesh.policy.index;

import io.signetmesh.policy.effective.EffectivePolicy;
import java.util.LinkedHashSet;
import java.util.Set;

/** A watched port. */
final class PortState {
  final int port;
  final Set<PortListener> listeners = new LinkedHashSet<>();
  EffectivePolicy policy;

  PortState(int port, EffectivePolicy policy) {
    this.port = port;
    this.policy = policy;
  }
}

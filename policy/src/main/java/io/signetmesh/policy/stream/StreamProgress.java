package io.signetmesh.policy.stream;

import io.signetmesh.policy.effective.EffectivePolicy;
import org.jspecify.annotations.Nullable;

/** How far a stream has come; read while it moves on. */
interface StreamProgress {
  /** Last state sent; null before the first. */
  @Nullable EffectivePolicy sent();

  /** The newest state, when it is not the one sent. */
  @Nullable EffectivePolicy pending();

  /** Whether the proxy knows of generations. */
  boolean acknowledges();

  /** Identity of the caller, whose streams it is counted with. */
  default String speaker() {
    return "";
  }

  /** The run of the proxy that watches; empty when it names none. */
  default String instance() {
    return "";
  }
}

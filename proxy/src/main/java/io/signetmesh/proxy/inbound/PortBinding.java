package io.signetmesh.proxy.inbound;

import io.netty.util.concurrent.EventExecutor;
import io.signetmesh.proxy.authorize.ServerPolicy;
import io.signetmesh.proxy.policy.PortPolicy;
import java.net.InetSocketAddress;

/**
 * Where a connection goes, with the policy that it is under. It is told of each change of that
 * policy until it is closed.
 */
final class PortBinding {
  private final InetSocketAddress target;
  private final PortPolicy policy;
  private final PortPolicy.Registration registration;

  /**
   * @param target address that the client asked for
   * @param changed runs on the loop at each change of the policy
   */
  PortBinding(
      InetSocketAddress target, PortPolicy policy, EventExecutor loop, PortPolicy.Recheck changed) {
    this.target = target;
    this.policy = policy;
    this.registration = policy.onChange(loop, changed);
  }

  /** Address that the client asked for. */
  InetSocketAddress target() {
    return target;
  }

  /** Policy of the target's port. */
  PortPolicy policy() {
    return policy;
  }

  /**
   * The policy in force.
   *
   * @throws IllegalStateException when none has arrived
   */
  ServerPolicy inForce() {
    ServerPolicy current = policy.current();
    if (current == null) {
      throw new IllegalStateException("policy was awaited and is gone");
    }
    return current;
  }

  /** Tells of no more changes. */
  void close() {
    registration.close();
  }
}

package io.signetmesh.proxy.policy;

import io.netty.util.concurrent.EventExecutor;
import io.netty.util.concurrent.Future;
import io.signetmesh.proxy.authorize.ServerPolicy;
import org.jspecify.annotations.Nullable;

/** The live policy of one workload port. There is none until the controller's first message. */
public interface PortPolicy {
  /** Port of the application, 1 to 65535. */
  int port();

  /**
   * Whether the policy is still watched. The watch of an unknown port, which exists only because a
   * client asked for it, ends after a short time. Its connections must be closed then.
   */
  default boolean isWatched() {
    return true;
  }

  /**
   * Notes that the application has accepted a connection on the port. The port then counts as the
   * workload's own.
   */
  default void markServed() {}

  /** The policy in force; null before the controller's first message. Costs one volatile read. */
  @Nullable ServerPolicy current();

  /**
   * Completes on {@code executor} with the policy in force, at once when there is one. Fails with
   * {@link java.util.concurrent.TimeoutException} when the first message does not arrive within the
   * configured wait.
   */
  Future<ServerPolicy> await(EventExecutor executor);

  /**
   * Calls {@code recheck} on {@code executor} after each change of policy, until the registration
   * is closed. A generation is acknowledged to the controller after all its rechecks have run.
   * Close the registration on the same executor.
   */
  Registration onChange(EventExecutor executor, Recheck recheck);

  /** Decides again on a live connection or request, under a new policy. */
  @FunctionalInterface
  interface Recheck {
    /** Called with the policy that is now in force. Must not throw or block. */
    void policyChanged(ServerPolicy policy);
  }

  /** Ends an {@link #onChange} registration. */
  @FunctionalInterface
  interface Registration extends AutoCloseable {
    @Override
    void close();
  }
}

package io.signetmesh.proxy.policy;

import io.netty.util.concurrent.EventExecutor;
import io.netty.util.concurrent.Future;
import io.signetmesh.proxy.authorize.ServerPolicy;
import org.jspecify.annotations.Nullable;

/**
 * The live policy of one workload port. Never guesses: until the controller speaks there is none.
 */
public interface PortPolicy {
  /** Port of the application, 1 to 65535. */
  int port();

  /**
   * Whether changes are still followed. A port that was knocked at and that nothing is known of is
   * forgotten after a short time, with whoever is connected to it: no connection may outlive that.
   */
  default boolean isWatched() {
    return true;
  }

  /** Notes that the application has taken a connection on the port: then it is one of its own. */
  default void served() {}

  /** The policy in force: one volatile read. Null before the controller's first message. */
  @Nullable ServerPolicy current();

  /**
   * Completes on {@code executor} with the policy in force, at once when there is one; fails with
   * {@link java.util.concurrent.TimeoutException} when the controller has not spoken within the
   * configured wait.
   */
  Future<ServerPolicy> await(EventExecutor executor);

  /**
   * Has {@code recheck} called on {@code executor} after each change of policy, until the
   * registration is closed. A generation is acknowledged to the controller only after all rechecks
   * of it have run. Close from the same executor.
   */
  Registration onChange(EventExecutor executor, Recheck recheck);

  /** Looks again at a live connection or request under the new policy. */
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

package io.signetmesh.proxy.node;

/**
 * How a workload of this process fares.
 *
 * @param name {@code namespace/name}
 * @param state its state
 * @param reason why it is not ready, in words for people; empty when it is
 */
public record WorkloadStatus(String name, State state, String reason) {
  /** States of a workload. */
  public enum State {
    /** Its listeners are bound; its certificate or its policy is not there yet. */
    WAITING,
    /** It takes connections, and the policy of its ports is in force. */
    READY,
    /** It takes no more connections, and those that are open end. */
    DRAINING,
    /** It has no proxy, or an outdated one. */
    FAILED,
    /** It was removed, and its last connection has ended. */
    GONE
  }
}

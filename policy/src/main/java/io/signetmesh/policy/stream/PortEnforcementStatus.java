package io.signetmesh.policy.stream;

import io.signetmesh.policy.model.ObjectRef;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * What the proxy of one workload port has in force.
 *
 * @param workload the workload
 * @param port its port
 * @param server server in force by the newest state, {@code group/kind/name}; empty when the
 *     controller has not been asked for the port
 * @param generation generation of the newest state of the port; 0 when the controller has not been
 *     asked for it
 * @param sent generation last sent; 0 = none
 * @param acknowledged generation that the proxy says is in force; 0 = none
 * @param acknowledgedAt when it said so
 * @param refusal why the proxy did not put the newest state in force and refuses everything; empty
 *     when it did
 * @param connected whether the proxy watches the port now
 * @param acknowledges whether the proxy knows of generations
 */
public record PortEnforcementStatus(
    ObjectRef workload,
    int port,
    String server,
    long generation,
    long sent,
    long acknowledged,
    @Nullable Instant acknowledgedAt,
    String refusal,
    boolean connected,
    boolean acknowledges) {
  /** Whether the newest state of the port is in force at its proxy now. */
  public boolean inForce() {
    return connected && generation != 0 && acknowledged == generation && refusal.isEmpty();
  }

  /** {@code Pod shop/web port 8080: enforces generation 17, newest is 18}. */
  @Override
  public String toString() {
    String place = workload + " port " + port + ": ";
    if (!connected) {
      return place + "not connected";
    }
    if (!acknowledges) {
      return place + "its proxy does not acknowledge";
    }
    if (!refusal.isEmpty()) {
      return place + "refuses generation " + acknowledged + ": " + refusal;
    }
    return place
        + (acknowledged == 0 ? "has acknowledged nothing" : "enforces generation " + acknowledged)
        + ", newest is "
        + generation;
  }
}

package io.signetmesh.proxy.policy;

import java.net.InetAddress;
import org.jspecify.annotations.Nullable;

/** Policies of the workload's ports, by port. */
public interface PortPolicies {
  /** The policy of a port; the first call for a port starts its watch. Safe from any thread. */
  PortPolicy forPort(int port);

  /**
   * The policy of a port that a client asks for. Ports that nothing is known of are bounded in
   * number, and a client that asks for many of them takes their room from itself.
   *
   * @param source address of the client; null where it is not known
   */
  default PortPolicy forPort(int port, @Nullable InetAddress source) {
    return forPort(port);
  }
}

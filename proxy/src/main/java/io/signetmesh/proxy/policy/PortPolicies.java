package io.signetmesh.proxy.policy;

import java.net.InetAddress;
import org.jspecify.annotations.Nullable;

/** The policies of the workload's ports. */
public interface PortPolicies {
  /** The policy of a port; the first call for a port starts its watch. Safe from any thread. */
  PortPolicy forPort(int port);

  /**
   * The policy of a port that a client asks for. The number of unknown ports is bounded, and a
   * client that asks for many of them uses up its own share.
   *
   * @param source address of the client; null where it is not known
   */
  default PortPolicy forPort(int port, @Nullable InetAddress source) {
    return forPort(port);
  }
}

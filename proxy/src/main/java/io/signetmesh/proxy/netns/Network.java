package io.signetmesh.proxy.netns;

import java.io.IOException;

/**
 * Where the sockets of a proxy are made: its listeners, and what it dials for the data plane.
 * Connections to the control plane are made in the network namespace of the process, always.
 */
public sealed interface Network extends AutoCloseable permits HostNetwork, NetworkNamespace {
  /** The network namespace of the process. */
  Network HOST = HostNetwork.INSTANCE;

  /** Name for messages. */
  String name();

  /**
   * Another handle of the same network, which lives until it is closed itself.
   *
   * @throws IOException when this handle is closed, or no more descriptors can be had
   */
  Network copy() throws IOException;

  /** Whether both are the same network, so that addresses in both are the same. */
  boolean isSame(Network other);

  @Override
  void close();
}

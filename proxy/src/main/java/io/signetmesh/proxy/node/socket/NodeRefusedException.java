package io.signetmesh.proxy.node.socket;

import java.io.IOException;

/** The data plane of the node has refused a request; the message is its reason. */
public final class NodeRefusedException extends IOException {
  private static final long serialVersionUID = 1;

  NodeRefusedException(String reason) {
    super(reason);
  }
}

package io.signetmesh.proxy.node.socket;

import java.io.IOException;

/** The other side does not keep to the protocol; the message says what was expected. */
public final class NodeProtocolException extends IOException {
  private static final long serialVersionUID = 1;

  NodeProtocolException(String message) {
    super(message);
  }
}

package io.signetmesh.proxy.netns;

/** The network namespace of the process: the transport makes the sockets. */
final class HostNetwork implements Network {
  static final HostNetwork INSTANCE = new HostNetwork();

  private HostNetwork() {}

  @Override
  public String name() {
    return "the host's network";
  }

  @Override
  public Network copy() {
    return this;
  }

  @Override
  public boolean isSame(Network other) {
    return other == this;
  }

  @Override
  public void close() {
    // There is nothing to close.
  }
}

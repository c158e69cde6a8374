package io.signetmesh.proxy.policy;

/** Policies of the workload's ports, by port. */
public interface PortPolicies {
  /** The policy of a port; the first call for a port starts its watch. Safe from any thread. */
  PortPolicy forPort(int port);
}

package io.signetmesh.cli.host;

import java.net.InetAddress;
import java.net.InetSocketAddress;

/**
 * Addresses of the servers of a control plane.
 *
 * @param identity the identity server (CA)
 * @param discovery the discovery server: destinations and profiles
 * @param policy the policy controller: inbound and outbound policy
 */
public record ControlPlane(
    InetSocketAddress identity, InetSocketAddress discovery, InetSocketAddress policy) {
  /** Default port of the identity server. */
  public static final int IDENTITY_PORT = 8080;

  /** Default port of the discovery server. */
  public static final int DISCOVERY_PORT = 8086;

  /** Default port of the policy controller. */
  public static final int POLICY_PORT = 8090;

  /** All three servers at the default ports of one address. */
  public static ControlPlane at(InetAddress address) {
    return new ControlPlane(
        new InetSocketAddress(address, IDENTITY_PORT),
        new InetSocketAddress(address, DISCOVERY_PORT),
        new InetSocketAddress(address, POLICY_PORT));
  }
}

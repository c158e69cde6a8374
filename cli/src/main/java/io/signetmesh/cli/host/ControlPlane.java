package io.signetmesh.cli.host;

import java.net.InetAddress;
import java.net.InetSocketAddress;

/**
 * Where the servers of a control plane listen.
 *
 * @param identity the CA
 * @param discovery destinations and profiles
 * @param policy inbound and outbound policy
 */
public record ControlPlane(
    InetSocketAddress identity, InetSocketAddress discovery, InetSocketAddress policy) {
  /** Default port of the CA. */
  public static final int IDENTITY_PORT = 8080;

  /** Default port of discovery. */
  public static final int DISCOVERY_PORT = 8086;

  /** Default port of the policy controller. */
  public static final int POLICY_PORT = 8090;

  /** All three at their default ports of one address. */
  public static ControlPlane at(InetAddress address) {
    return new ControlPlane(
        new InetSocketAddress(address, IDENTITY_PORT),
        new InetSocketAddress(address, DISCOVERY_PORT),
        new InetSocketAddress(address, POLICY_PORT));
  }
}

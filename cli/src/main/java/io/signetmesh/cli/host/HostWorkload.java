package io.signetmesh.cli.host;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.List;

/**
 * A pod that runs on this host with a proxy of its own.
 *
 * @param namespace its namespace
 * @param name its name
 * @param serviceAccount its service account
 * @param address its pod address
 * @param ports ports that its containers declare
 * @param outbound listeners for what it calls
 * @param inbound listeners that stand for redirection
 */
public record HostWorkload(
    String namespace,
    String name,
    String serviceAccount,
    InetAddress address,
    List<Integer> ports,
    List<OutboundListener> outbound,
    List<InboundListener> inbound) {
  /** Where peers' proxies connect, with the transport header. */
  public static final int INBOUND_PORT = 4143;

  /** Where the proxy takes redirected outbound connections. */
  public static final int OUTBOUND_PORT = 4140;

  /** Where the proxy serves its health and metrics. */
  public static final int ADMIN_PORT = 4191;

  /** {@code namespace/name}, as commands and records write it. */
  public String qualifiedName() {
    return namespace + "/" + name;
  }

  /** Where the proxy serves its health and metrics. */
  public InetSocketAddress admin() {
    return new InetSocketAddress(address, ADMIN_PORT);
  }

  /** Where peers' proxies connect. */
  public InetSocketAddress direct() {
    return new InetSocketAddress(address, INBOUND_PORT);
  }
}

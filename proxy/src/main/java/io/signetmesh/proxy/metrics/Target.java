package io.signetmesh.proxy.metrics;

import io.signetmesh.proxy.metrics.registry.Labels;
import java.net.InetAddress;
import java.net.InetSocketAddress;

/**
 * An address as the {@code target_*} labels show it.
 *
 * @param named whether it may be shown: an address or port that only a stranger has named is not
 */
record Target(InetSocketAddress address, boolean named) {
  /** Any address that is not shown. */
  static final Target UNNAMED = new Target(new InetSocketAddress(0), false);

  Target(InetSocketAddress address) {
    this(address, true);
  }

  Labels labels() {
    if (!named) {
      return Labels.of("target_addr", "", "target_ip", "", "target_port", "");
    }
    InetAddress ip = address.getAddress();
    String host = ip == null ? address.getHostString() : ip.getHostAddress();
    String addr = host.indexOf(':') >= 0 ? "[" + host + "]:" + port() : host + ":" + port();
    return Labels.of("target_addr", addr, "target_ip", host, "target_port", port());
  }

  /** The port as a label. */
  String port() {
    return named ? Integer.toString(address.getPort()) : "";
  }

  // Those that are not shown are one.
  @Override
  public boolean equals(Object other) {
    return other instanceof Target that
        && named == that.named
        && (!named || address.equals(that.address));
  }

  @Override
  public int hashCode() {
    return named ? address.hashCode() : 0;
  }
}

package io.signetmesh.proxy.metrics;

import java.net.InetAddress;
import java.net.InetSocketAddress;

/** An address as the {@code target_*} labels show it. */
record Target(InetSocketAddress address) {
  Labels labels() {
    InetAddress ip = address.getAddress();
    String host = ip == null ? address.getHostString() : ip.getHostAddress();
    String port = Integer.toString(address.getPort());
    String addr = host.indexOf(':') >= 0 ? "[" + host + "]:" + port : host + ":" + port;
    return Labels.of("target_addr", addr, "target_ip", host, "target_port", port);
  }
}

package io.signetmesh.proxy.upstream;

import io.linkerd.proxy.outbound.TrafficSpec;
import java.net.InetSocketAddress;
import org.jspecify.annotations.Nullable;

/**
 * What a destination is known by.
 *
 * @param authority {@code name:port} or {@code ip:port}
 * @param address original destination; null when it is known by name
 */
record DestinationKey(String authority, @Nullable InetSocketAddress address) {
  /** A destination that is known by its address. */
  static DestinationKey of(InetSocketAddress address) {
    String ip = address.getAddress().getHostAddress();
    String host = ip.indexOf(':') >= 0 ? "[" + ip + "]" : ip;
    return new DestinationKey(host + ":" + address.getPort(), address);
  }

  /** The request for its outbound policy. */
  TrafficSpec request(String workload) {
    TrafficSpec.Builder target = TrafficSpec.newBuilder().setSourceWorkload(workload);
    InetSocketAddress known = address;
    if (known == null) {
      target.setAuthority(authority);
    } else {
      target.setAddr(Endpoints.message(known));
    }
    return target.build();
  }
}

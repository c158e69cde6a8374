package io.signetmesh.discovery.destination;

import io.linkerd.proxy.destination.AddrSet;
import io.linkerd.proxy.destination.NoEndpoints;
import io.linkerd.proxy.destination.Update;
import io.linkerd.proxy.destination.WeightedAddr;
import io.linkerd.proxy.destination.WeightedAddrSet;
import io.signetmesh.discovery.topology.IpAddresses;
import io.signetmesh.discovery.topology.ResolvedService;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The endpoints of one port of a service as one kind of client sees them.
 *
 * @param service what the set was made from; null when the service is gone
 * @param labels metric labels of all endpoints
 * @param addresses endpoints by socket address, in a stable order
 */
record EndpointSet(
    @Nullable ResolvedService service,
    Map<String, String> labels,
    Map<InetSocketAddress, WeightedAddr> addresses) {
  /** Endpoints of one message: keeps messages far below gRPC's limit of 4 MiB. */
  private static final int CHUNK = 1000;

  /**
   * The messages that lead a client from one set to the next. What is new is added before what is
   * gone is removed, so that a client is never without endpoints in between; and the first message
   * is never a removal.
   */
  static List<Update> updates(@Nullable EndpointSet before, EndpointSet after) {
    if (after.addresses.isEmpty()) {
      if (before != null
          && before.addresses.isEmpty()
          && (before.service == null) == (after.service == null)) {
        return List.of();
      }
      return List.of(
          Update.newBuilder()
              .setNoEndpoints(NoEndpoints.newBuilder().setExists(after.service != null))
              .build());
    }
    List<Update> updates = new ArrayList<>(2);
    boolean all = before == null || !before.labels.equals(after.labels);
    List<WeightedAddr> changed = new ArrayList<>();
    after.addresses.forEach(
        (address, endpoint) -> {
          if (all || before == null || !endpoint.equals(before.addresses.get(address))) {
            changed.add(endpoint);
          }
        });
    for (int from = 0; from < changed.size(); from += CHUNK) {
      updates.add(
          Update.newBuilder()
              .setAdd(
                  WeightedAddrSet.newBuilder()
                      .addAllAddrs(changed.subList(from, Math.min(changed.size(), from + CHUNK)))
                      .putAllMetricLabels(after.labels))
              .build());
    }
    if (before != null) {
      AddrSet.Builder gone = AddrSet.newBuilder();
      for (InetSocketAddress address : before.addresses.keySet()) {
        if (!after.addresses.containsKey(address)) {
          gone.addAddrs(IpAddresses.toWire(address.getAddress(), address.getPort()));
        }
      }
      if (gone.getAddrsCount() > 0) {
        updates.add(Update.newBuilder().setRemove(gone).build());
      }
    }
    return updates;
  }
}

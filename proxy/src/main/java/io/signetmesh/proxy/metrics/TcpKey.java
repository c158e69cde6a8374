package io.signetmesh.proxy.metrics;

import io.signetmesh.proxy.authorize.ResourceRef;
import io.signetmesh.proxy.metrics.registry.Labels;
import org.jspecify.annotations.Nullable;

/** What tells the series of one set of connections from those of others. */
record TcpKey(
    String direction,
    String peer,
    Target target,
    TlsStatus tls,
    @Nullable ResourceRef server,
    String port,
    Labels destination) {

  Labels labels() {
    Labels.Builder labels = Labels.builder().add("direction", direction).add("peer", peer);
    // The application's side of an inbound connection says only that it is on this host.
    if (!(direction.equals("inbound") && peer.equals("dst"))) {
      labels.add(target.labels());
    }
    labels.add(tls.labels());
    if (server != null) {
      labels.add(MetricLabels.server(server, port));
    }
    return labels.add(destination).build();
  }
}

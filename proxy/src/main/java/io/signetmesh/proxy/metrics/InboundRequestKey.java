package io.signetmesh.proxy.metrics;

import io.signetmesh.proxy.authorize.ResourceRef;
import io.signetmesh.proxy.metrics.registry.Labels;
import org.jspecify.annotations.Nullable;

/** What tells the series of one set of inbound requests from those of others. */
record InboundRequestKey(
    Target target,
    TlsStatus tls,
    ResourceRef server,
    ResourceRef route,
    @Nullable ResourceRef authorization) {

  Labels labels() {
    return Labels.builder()
        .add("direction", "inbound")
        .add(target.labels())
        .add(tls.labels())
        .add(MetricLabels.server(server, target.port()))
        .add(MetricLabels.resource("route", route))
        .add(MetricLabels.authorization(authorization))
        .build();
  }
}

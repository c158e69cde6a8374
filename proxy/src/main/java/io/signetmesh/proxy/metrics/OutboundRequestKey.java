package io.signetmesh.proxy.metrics;

import io.signetmesh.proxy.metrics.registry.Labels;

/** What tells the series of one set of outbound requests from those of others. */
record OutboundRequestKey(String authority, Target target, TlsStatus tls, Labels destination) {

  Labels labels() {
    return Labels.builder()
        .add("direction", "outbound")
        .add("authority", authority)
        .add(target.labels())
        .add(tls.labels())
        .add(destination)
        .build();
  }
}

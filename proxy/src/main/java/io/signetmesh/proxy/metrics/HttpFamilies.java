package io.signetmesh.proxy.metrics;

import io.signetmesh.proxy.metrics.registry.Counter;
import io.signetmesh.proxy.metrics.registry.Family;
import io.signetmesh.proxy.metrics.registry.Histogram;

/** Families that every HTTP endpoint counts in. */
record HttpFamilies(
    Family<Counter> requests, Family<Counter> responses, Family<Histogram> latency) {
  /** Statuses whose cells an endpoint keeps; rarer ones are looked up each time. */
  static final int KEPT_STATUSES = 16;
}

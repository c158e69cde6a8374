/**
 * Metrics of the data plane: {@link io.signetmesh.proxy.metrics.ProxyMetrics} is what the rest of
 * the proxy calls, {@link io.signetmesh.proxy.metrics.registry.MetricsRegistry} keeps and exposes
 * them.
 *
 * <p>Why a registry of our own and not Micrometer: the names and label sets are those that existing
 * Linkerd dashboards query. There, label sets of one metric differ in their keys ({@code
 * tls="true"} brings {@code client_id}, {@code tls="no_identity"} brings {@code no_tls_reason}),
 * latencies are histograms in milliseconds under a name that ends in {@code _ms}, and idle label
 * sets disappear while a connection may still hold their handles. Micrometer's Prometheus binding
 * wants equal keys, renames by its unit conventions and forgets what a removed meter's holders go
 * on counting. A handle here is one {@code LongAdder} away from its value: no lookup, lock or
 * allocation for each request.
 */
@NullMarked
package io.signetmesh.proxy.metrics;

import org.jspecify.annotations.NullMarked;

/**
 * The proxy's metrics registry beside Micrometer: {@link io.signetmesh.bench.metrics.MetricsBench}.
 */
@NullMarked
package io.signetmesh.bench.metrics;

import org.jspecify.annotations.NullMarked;

/**
 * Families of metrics and their exposition as text: counters, gauges and histograms whose handles
 * count without lookup, lock or allocation.
 */
@NullMarked
package io.signetmesh.proxy.metrics.registry;

import org.jspecify.annotations.NullMarked;

/**
 * A whole mesh for tests: control plane, proxies and applications as processes on this host, each
 * workload with a loopback address of its own.
 */
@NullMarked
package io.signetmesh.e2e.harness;

import org.jspecify.annotations.NullMarked;

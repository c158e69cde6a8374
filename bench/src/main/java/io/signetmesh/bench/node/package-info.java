/** What one process with many workloads takes. */
@NullMarked
package io.signetmesh.bench.node;

import org.jspecify.annotations.NullMarked;

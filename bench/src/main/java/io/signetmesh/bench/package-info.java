/** End-to-end benchmarks against peers: {@link io.signetmesh.bench.Bench} is the command. */
@NullMarked
package io.signetmesh.bench;

import org.jspecify.annotations.NullMarked;

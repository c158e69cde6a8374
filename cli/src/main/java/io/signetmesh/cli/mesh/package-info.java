/**
 * A whole mesh on this host, each part in a process of its own: for the demo, tests and benchmarks.
 */
@NullMarked
package io.signetmesh.cli.mesh;

import org.jspecify.annotations.NullMarked;

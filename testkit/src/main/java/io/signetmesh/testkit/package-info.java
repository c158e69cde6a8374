/**
 * Tools that end-to-end tests and benchmarks share: what fails in a mesh, and its trust rotations.
 */
@NullMarked
package io.signetmesh.testkit;

import org.jspecify.annotations.NullMarked;

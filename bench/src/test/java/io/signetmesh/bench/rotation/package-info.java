/** Tests of the load and its counts. */
@NullMarked
package io.signetmesh.bench.rotation;

import org.jspecify.annotations.NullMarked;

/** Loads that are not requests at saturation: at a fixed rate, and of large bodies. */
@NullMarked
package io.signetmesh.bench.rate;

import org.jspecify.annotations.NullMarked;

/** One proxy under attack, and what its other clients notice of it. */
@NullMarked
package io.signetmesh.bench.abuse;

import org.jspecify.annotations.NullMarked;

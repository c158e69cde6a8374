/** Measures what decisions by policies in Rego cost. */
@NullMarked
package io.signetmesh.bench.rego;

import org.jspecify.annotations.NullMarked;

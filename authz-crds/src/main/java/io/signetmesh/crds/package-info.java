/** Typed policy resources. This package has what all kinds share. */
@NullMarked
package io.signetmesh.crds;

import org.jspecify.annotations.NullMarked;

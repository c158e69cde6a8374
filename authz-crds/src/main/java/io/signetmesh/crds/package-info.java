/** Typed policy resources: what every kind of the mesh has in common. */
@NullMarked
package io.signetmesh.crds;

import org.jspecify.annotations.NullMarked;

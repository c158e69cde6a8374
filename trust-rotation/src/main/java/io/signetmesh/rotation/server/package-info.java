/** Rotations over the operators' socket of the identity server. */
@NullMarked
package io.signetmesh.rotation.server;

import org.jspecify.annotations.NullMarked;

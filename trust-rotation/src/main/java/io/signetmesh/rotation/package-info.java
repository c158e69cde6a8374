/**
 * Replaces the trust anchors of a mesh while everything runs. {@link
 * io.signetmesh.rotation.RotationProcedure} is the procedure; read it first.
 */
@NullMarked
package io.signetmesh.rotation;

import org.jspecify.annotations.NullMarked;

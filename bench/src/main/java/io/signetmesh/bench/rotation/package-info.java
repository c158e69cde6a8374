/** What traffic notices of a rotation of trust anchors, in good order and in trouble. */
@NullMarked
package io.signetmesh.bench.rotation;

import org.jspecify.annotations.NullMarked;

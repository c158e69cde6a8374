/** The trust of an identity server, as rotations see and change it. */
@NullMarked
package io.signetmesh.rotation.authority;

import org.jspecify.annotations.NullMarked;

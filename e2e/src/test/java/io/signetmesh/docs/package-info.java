/** The documents agree with the code, and can be read and followed. */
@NullMarked
package io.signetmesh.docs;

import org.jspecify.annotations.NullMarked;

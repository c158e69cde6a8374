/** Which implementation computes signatures: the JDK's, or a faster native one. */
@NullMarked
package io.signetmesh.identity.crypto;

import org.jspecify.annotations.NullMarked;

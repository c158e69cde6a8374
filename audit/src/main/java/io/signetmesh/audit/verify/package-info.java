/** Verifies journals by their heads, without a collector. */
@NullMarked
package io.signetmesh.audit.verify;

import org.jspecify.annotations.NullMarked;

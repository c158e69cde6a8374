/** Reads audit journals. */
@NullMarked
package io.signetmesh.cli.record;

import org.jspecify.annotations.NullMarked;

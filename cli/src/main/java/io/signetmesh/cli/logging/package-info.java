/** Logging of the command line. */
@NullMarked
package io.signetmesh.cli.logging;

import org.jspecify.annotations.NullMarked;

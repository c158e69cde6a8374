/** Further Signet processes, started the way that {@code ./signet} starts them. */
@NullMarked
package io.signetmesh.cli.process;

import org.jspecify.annotations.NullMarked;

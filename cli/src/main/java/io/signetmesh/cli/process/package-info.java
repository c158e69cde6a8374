/** Other Signet processes, started through {@code ./signet}. */
@NullMarked
package io.signetmesh.cli.process;

import org.jspecify.annotations.NullMarked;

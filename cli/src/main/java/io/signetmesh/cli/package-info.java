/** The {@code signet} command: one class per command. */
@NullMarked
package io.signetmesh.cli;

import org.jspecify.annotations.NullMarked;

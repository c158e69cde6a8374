/** {@code signet check}: what somebody has to look at in a running mesh. */
@NullMarked
package io.signetmesh.cli.check;

import org.jspecify.annotations.NullMarked;

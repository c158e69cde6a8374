/** {@code signet audit}: reads the log of audit records. */
@NullMarked
package io.signetmesh.cli.audit;

import org.jspecify.annotations.NullMarked;

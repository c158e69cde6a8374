/** Finds out whether a log, or an export of it, is complete and unaltered. */
@NullMarked
package io.signetmesh.collector.verify;

import org.jspecify.annotations.NullMarked;

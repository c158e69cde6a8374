/**
 * An index of the log beside it: which entries may pass a filter. Made of the log, never trusted.
 */
@NullMarked
package io.signetmesh.collector.index;

import org.jspecify.annotations.NullMarked;

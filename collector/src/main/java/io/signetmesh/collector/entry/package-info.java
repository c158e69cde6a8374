/** Entries of the collector's log. */
@NullMarked
package io.signetmesh.collector.entry;

import org.jspecify.annotations.NullMarked;

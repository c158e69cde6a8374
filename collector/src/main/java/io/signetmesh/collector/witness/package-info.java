/** Witnesses of the log: the collector asks one for cosignatures, and one is served. */
@NullMarked
package io.signetmesh.collector.witness;

import org.jspecify.annotations.NullMarked;

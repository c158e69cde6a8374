/** Takes audit records from their writers and appends them to the log. */
@NullMarked
package io.signetmesh.collector.ingest;

import org.jspecify.annotations.NullMarked;

/** Reads the collector's log: entries as records with fields, filters, and scans. */
@NullMarked
package io.signetmesh.collector.query;

import org.jspecify.annotations.NullMarked;

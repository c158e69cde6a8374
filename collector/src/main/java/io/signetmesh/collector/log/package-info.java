/** The log of a collector: its key, its entries, and which records of which journals it has. */
@NullMarked
package io.signetmesh.collector.log;

import org.jspecify.annotations.NullMarked;

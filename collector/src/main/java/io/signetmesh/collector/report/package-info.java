/** Answers questions about a period by what the log says of it. */
@NullMarked
package io.signetmesh.collector.report;

import org.jspecify.annotations.NullMarked;

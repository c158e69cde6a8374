/** The identity agent: its file of workload entries, and how changes of it apply. */
@NullMarked
package io.signetmesh.cli.agent;

import org.jspecify.annotations.NullMarked;

/** The servers of a control plane on this host, and how its own members join the mesh. */
@NullMarked
package io.signetmesh.cli.controlplane;

import org.jspecify.annotations.NullMarked;

/**
 * The servers of a control plane on this host, and how members of the control plane join the mesh.
 */
@NullMarked
package io.signetmesh.cli.controlplane;

import org.jspecify.annotations.NullMarked;

/** The commands that run servers: the whole mesh, a server of the control plane, or a proxy. */
@NullMarked
package io.signetmesh.cli.server;

import org.jspecify.annotations.NullMarked;

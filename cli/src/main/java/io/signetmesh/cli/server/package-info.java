/** Commands that run servers: the whole mesh, one server of the control plane, or one proxy. */
@NullMarked
package io.signetmesh.cli.server;

import org.jspecify.annotations.NullMarked;

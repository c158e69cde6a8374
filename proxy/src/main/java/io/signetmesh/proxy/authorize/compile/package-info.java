/**
 * Compiles the controller's message of a port into an indexed {@link
 * io.signetmesh.proxy.authorize.ServerPolicy}.
 */
@NullMarked
package io.signetmesh.proxy.authorize.compile;

import org.jspecify.annotations.NullMarked;

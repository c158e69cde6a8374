/**
 * The states of an inbound connection, from its acceptance on: they detect TLS and protocol,
 * authorize, and forward bytes or serve HTTP. Only {@link
 * io.signetmesh.proxy.inbound.ConnectionLife} moves a connection from one state to the next.
 */
@NullMarked
package io.signetmesh.proxy.inbound;

import org.jspecify.annotations.NullMarked;

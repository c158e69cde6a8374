/**
 * The states of a connection of the local application, from its acceptance on: they resolve the
 * destination, detect the protocol, connect to an endpoint, and forward bytes or serve HTTP. Only
 * {@link io.signetmesh.proxy.outbound.OutboundLife} moves a connection from one state to the next.
 */
@NullMarked
package io.signetmesh.proxy.outbound;

import org.jspecify.annotations.NullMarked;

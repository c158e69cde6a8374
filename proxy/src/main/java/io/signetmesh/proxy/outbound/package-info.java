/**
 * A connection of the local application from its acceptance on: {@link
 * io.signetmesh.proxy.outbound.OutboundLife} is the one door between its states, which find the
 * destination and the protocol, connect to an endpoint, and forward or serve HTTP.
 */
@NullMarked
package io.signetmesh.proxy.outbound;

import org.jspecify.annotations.NullMarked;

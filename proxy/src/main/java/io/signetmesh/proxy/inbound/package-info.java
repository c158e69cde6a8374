/**
 * An inbound connection from its acceptance on: {@link io.signetmesh.proxy.inbound.ConnectionLife}
 * is the one door between its states, which look at TLS and protocol, decide, and forward or serve
 * HTTP.
 */
@NullMarked
package io.signetmesh.proxy.inbound;

import org.jspecify.annotations.NullMarked;

/**
 * From an accepted inbound connection to a decision: original destination, TLS, protocol,
 * authorization.
 */
@NullMarked
package io.signetmesh.proxy.inbound;

import org.jspecify.annotations.NullMarked;

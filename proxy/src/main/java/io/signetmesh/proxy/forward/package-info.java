/** Forwarding of bytes between two connections, and the outbound listeners. */
@NullMarked
package io.signetmesh.proxy.forward;

import org.jspecify.annotations.NullMarked;

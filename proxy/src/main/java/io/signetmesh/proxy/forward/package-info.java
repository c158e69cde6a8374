/** Forwarding of bytes between two connections. */
@NullMarked
package io.signetmesh.proxy.forward;

import org.jspecify.annotations.NullMarked;

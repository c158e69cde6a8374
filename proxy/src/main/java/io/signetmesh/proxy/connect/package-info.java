/** Connections to peers and to the local application. */
@NullMarked
package io.signetmesh.proxy.connect;

import org.jspecify.annotations.NullMarked;

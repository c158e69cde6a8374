/** HTTP through real loopback sockets: the wire, not the classes. */
@NullMarked
package io.signetmesh.proxy.http;

import org.jspecify.annotations.NullMarked;

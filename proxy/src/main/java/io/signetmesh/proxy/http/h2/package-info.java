/** HTTP/2 on the wire, as server and as client (RFC 9113). Knows nothing of HTTP/1. */
@NullMarked
package io.signetmesh.proxy.http.h2;

import org.jspecify.annotations.NullMarked;

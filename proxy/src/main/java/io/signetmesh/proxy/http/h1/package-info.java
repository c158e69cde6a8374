/** HTTP/1.1 on the wire, as server and as client (RFC 9112). Knows nothing of HTTP/2. */
@NullMarked
package io.signetmesh.proxy.http.h1;

import org.jspecify.annotations.NullMarked;

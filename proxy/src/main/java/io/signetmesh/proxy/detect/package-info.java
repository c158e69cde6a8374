/**
 * What the first bytes of a connection, and the kernel, tell of it: TLS and the server name, HTTP
 * and its version, the original destination.
 */
@NullMarked
package io.signetmesh.proxy.detect;

import org.jspecify.annotations.NullMarked;

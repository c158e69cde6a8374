/**
 * Detection on new connections: TLS and the server name, HTTP and its version from the first bytes,
 * and the original destination from the kernel.
 */
@NullMarked
package io.signetmesh.proxy.detect;

import org.jspecify.annotations.NullMarked;

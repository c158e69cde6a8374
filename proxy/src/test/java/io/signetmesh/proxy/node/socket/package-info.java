/** Tests of the socket at which workloads are announced. */
@NullMarked
package io.signetmesh.proxy.node.socket;

import org.jspecify.annotations.NullMarked;

/**
 * The Unix socket at which workloads of a node are announced. Entry: {@link
 * io.signetmesh.proxy.node.socket.NodeServer}.
 */
@NullMarked
package io.signetmesh.proxy.node.socket;

import org.jspecify.annotations.NullMarked;

/**
 * Network namespaces: sockets of a proxy that are made inside the namespace of its workload. Entry:
 * {@link io.signetmesh.proxy.netns.Network}.
 */
@NullMarked
package io.signetmesh.proxy.netns;

import org.jspecify.annotations.NullMarked;

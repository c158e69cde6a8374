/** The data plane. {@link io.signetmesh.proxy.Proxy} starts a proxy and assembles its parts. */
@NullMarked
package io.signetmesh.proxy;

import org.jspecify.annotations.NullMarked;

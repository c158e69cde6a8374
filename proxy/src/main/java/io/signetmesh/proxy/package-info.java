/** The data plane: {@link io.signetmesh.proxy.Proxy} puts the parts together. */
@NullMarked
package io.signetmesh.proxy;

import org.jspecify.annotations.NullMarked;

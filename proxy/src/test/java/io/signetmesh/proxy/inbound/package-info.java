/** Tests of the life of inbound connections. */
@NullMarked
package io.signetmesh.proxy.inbound;

import org.jspecify.annotations.NullMarked;

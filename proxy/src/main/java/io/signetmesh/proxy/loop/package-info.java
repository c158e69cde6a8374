/** Event loops and the write batching that they share. */
@NullMarked
package io.signetmesh.proxy.loop;

import org.jspecify.annotations.NullMarked;

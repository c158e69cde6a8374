/** Streams that always carry the newest state and never queue old ones. */
@NullMarked
package io.signetmesh.discovery.stream;

import org.jspecify.annotations.NullMarked;

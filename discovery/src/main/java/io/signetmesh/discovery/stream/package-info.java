/** Streams that send the newest state and never queue older ones. */
@NullMarked
package io.signetmesh.discovery.stream;

import org.jspecify.annotations.NullMarked;

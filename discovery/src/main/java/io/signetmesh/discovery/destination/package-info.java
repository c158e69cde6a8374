/** The destination service: endpoints and profiles. */
@NullMarked
package io.signetmesh.discovery.destination;

import org.jspecify.annotations.NullMarked;

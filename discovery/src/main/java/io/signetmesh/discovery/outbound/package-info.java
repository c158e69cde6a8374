/** The service for outbound policies. */
@NullMarked
package io.signetmesh.discovery.outbound;

import org.jspecify.annotations.NullMarked;

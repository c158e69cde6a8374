/** Tells proxies the endpoints of destinations and how to treat traffic to them. */
@NullMarked
package io.signetmesh.discovery;

import org.jspecify.annotations.NullMarked;

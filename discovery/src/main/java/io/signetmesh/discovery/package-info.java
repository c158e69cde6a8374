/** Tells proxies where destinations are and how to speak to them. */
@NullMarked
package io.signetmesh.discovery;

import org.jspecify.annotations.NullMarked;

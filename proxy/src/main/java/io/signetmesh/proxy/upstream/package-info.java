/**
 * Destinations of outbound traffic: endpoints, profiles and policies from discovery, and load
 * balancing.
 */
@NullMarked
package io.signetmesh.proxy.upstream;

import org.jspecify.annotations.NullMarked;

/** Settings on which the answers of discovery depend, besides the cluster. */
@NullMarked
package io.signetmesh.discovery.config;

import org.jspecify.annotations.NullMarked;

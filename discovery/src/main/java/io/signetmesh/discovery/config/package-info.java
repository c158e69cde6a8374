/** What the answers of discovery depend on besides the cluster. */
@NullMarked
package io.signetmesh.discovery.config;

import org.jspecify.annotations.NullMarked;

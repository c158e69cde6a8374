/** The proxy's configuration, read from its environment. */
@NullMarked
package io.signetmesh.proxy.config;

import org.jspecify.annotations.NullMarked;

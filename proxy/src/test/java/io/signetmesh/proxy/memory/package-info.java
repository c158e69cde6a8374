@NullUnmarked
package io.signetmesh.proxy.memory;

import org.jspecify.annotations.NullUnmarked;

@NullMarked
package io.signetmesh.proxy.loop;

import org.jspecify.annotations.NullMarked;

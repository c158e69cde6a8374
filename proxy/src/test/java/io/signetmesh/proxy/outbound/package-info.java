@NullMarked
package io.signetmesh.proxy.outbound;

import org.jspecify.annotations.NullMarked;

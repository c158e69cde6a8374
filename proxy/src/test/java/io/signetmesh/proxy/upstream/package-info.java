@NullMarked
package io.signetmesh.proxy.upstream;

import org.jspecify.annotations.NullMarked;

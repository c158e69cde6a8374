@NullMarked
package io.signetmesh.bench.fleet;

import org.jspecify.annotations.NullMarked;

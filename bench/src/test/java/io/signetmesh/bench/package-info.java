@NullMarked
package io.signetmesh.bench;

import org.jspecify.annotations.NullMarked;

@NullMarked
package io.signetmesh.collector;

import org.jspecify.annotations.NullMarked;

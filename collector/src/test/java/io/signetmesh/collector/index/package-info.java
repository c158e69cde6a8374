@NullMarked
package io.signetmesh.collector.index;

import org.jspecify.annotations.NullMarked;

@NullMarked
package io.signetmesh.collector.export;

import org.jspecify.annotations.NullMarked;

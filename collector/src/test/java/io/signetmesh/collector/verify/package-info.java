@NullMarked
package io.signetmesh.collector.verify;

import org.jspecify.annotations.NullMarked;

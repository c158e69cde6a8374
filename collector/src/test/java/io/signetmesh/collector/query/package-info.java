@NullMarked
package io.signetmesh.collector.query;

import org.jspecify.annotations.NullMarked;

@NullMarked
package io.signetmesh.proxy.metrics;

import org.jspecify.annotations.NullMarked;

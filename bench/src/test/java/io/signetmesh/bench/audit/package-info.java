@NullMarked
package io.signetmesh.bench.audit;

import org.jspecify.annotations.NullMarked;

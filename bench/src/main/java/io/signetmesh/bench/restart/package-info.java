/** What clients notice when a proxy is started again or replaced. */
@NullMarked
package io.signetmesh.bench.restart;

import org.jspecify.annotations.NullMarked;

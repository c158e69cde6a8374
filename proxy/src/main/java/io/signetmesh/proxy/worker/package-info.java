/**
 * Threads for what must not run on event loops. Start with {@link
 * io.signetmesh.proxy.worker.FairWorkers}.
 */
@NullMarked
package io.signetmesh.proxy.worker;

import org.jspecify.annotations.NullMarked;

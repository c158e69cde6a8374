/**
 * Handover of listeners from a running proxy to its successor. The descriptors are passed over a
 * Unix socket (SCM_RIGHTS), so that no connection is refused or lost from a queue.
 */
@NullMarked
package io.signetmesh.proxy.handover;

import org.jspecify.annotations.NullMarked;

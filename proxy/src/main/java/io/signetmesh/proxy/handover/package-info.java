/**
 * A running proxy hands its listeners to its successor: the descriptors themselves, over a Unix
 * socket, so that no connection is refused and none is lost from a queue.
 */
@NullMarked
package io.signetmesh.proxy.handover;

import org.jspecify.annotations.NullMarked;

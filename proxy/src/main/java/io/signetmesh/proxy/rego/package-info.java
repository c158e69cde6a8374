/**
 * Asks policy bundles about requests: off the event loops, in turns that are fair between ports and
 * between clients.
 */
@NullMarked
package io.signetmesh.proxy.rego;

import org.jspecify.annotations.NullMarked;

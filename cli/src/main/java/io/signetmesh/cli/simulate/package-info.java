/**
 * Asks the proxy's own engine about requests that nobody makes: from manifests or from what a
 * controller states for a port, without a network.
 */
@NullMarked
package io.signetmesh.cli.simulate;

import org.jspecify.annotations.NullMarked;

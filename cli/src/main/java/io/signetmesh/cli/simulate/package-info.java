/**
 * Asks the proxy's own policy engine about hypothetical calls, without a network. The policy comes
 * from manifests or from a controller.
 */
@NullMarked
package io.signetmesh.cli.simulate;

import org.jspecify.annotations.NullMarked;

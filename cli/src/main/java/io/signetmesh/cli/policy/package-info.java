/** The commands that tell what policy does: of manifests, and of a running mesh. */
@NullMarked
package io.signetmesh.cli.policy;

import org.jspecify.annotations.NullMarked;

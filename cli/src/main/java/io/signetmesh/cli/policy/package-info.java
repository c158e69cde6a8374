/** Commands about policy: in manifests, and in a running mesh. */
@NullMarked
package io.signetmesh.cli.policy;

import org.jspecify.annotations.NullMarked;

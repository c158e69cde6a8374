/** Commands about trust anchors and their rotation: {@code signet trust ...}. */
@NullMarked
package io.signetmesh.cli.trust;

import org.jspecify.annotations.NullMarked;

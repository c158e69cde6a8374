/** Commands about certificates and the CA: {@code signet identity ...}. */
@NullMarked
package io.signetmesh.cli.identity;

import org.jspecify.annotations.NullMarked;

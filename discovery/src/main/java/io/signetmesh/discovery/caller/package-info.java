/** Verifies what requests claim about their callers. */
@NullMarked
package io.signetmesh.discovery.caller;

import org.jspecify.annotations.NullMarked;

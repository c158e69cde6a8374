/** Who asks, and whether what the question claims about the asker is true. */
@NullMarked
package io.signetmesh.discovery.caller;

import org.jspecify.annotations.NullMarked;

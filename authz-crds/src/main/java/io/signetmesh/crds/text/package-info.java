/** Text in messages: plain on a terminal, quoted, and the nearest of known names. */
@NullMarked
package io.signetmesh.crds.text;

import org.jspecify.annotations.NullMarked;

/** Text in messages: escaped for terminals, quoted, and with suggestions for misspelled names. */
@NullMarked
package io.signetmesh.crds.text;

import org.jspecify.annotations.NullMarked;

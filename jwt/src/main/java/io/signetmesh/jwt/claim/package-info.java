/** What claims of a token have to be. */
@NullMarked
package io.signetmesh.jwt.claim;

import org.jspecify.annotations.NullMarked;

/** What may use what. */
@NullMarked
package io.signetmesh.walls;

import org.jspecify.annotations.NullMarked;

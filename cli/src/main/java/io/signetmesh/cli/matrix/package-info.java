/** Who may call what: the effect of a whole policy, as a table, a graph and a picture. */
@NullMarked
package io.signetmesh.cli.matrix;

import org.jspecify.annotations.NullMarked;

/** Who may reach what: the whole of a policy at once, as a table, a graph and a picture. */
@NullMarked
package io.signetmesh.cli.matrix;

import org.jspecify.annotations.NullMarked;

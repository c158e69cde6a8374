@NullMarked
package io.signetmesh.cli.matrix;

import org.jspecify.annotations.NullMarked;

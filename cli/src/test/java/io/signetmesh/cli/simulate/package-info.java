@NullMarked
package io.signetmesh.cli.simulate;

import org.jspecify.annotations.NullMarked;

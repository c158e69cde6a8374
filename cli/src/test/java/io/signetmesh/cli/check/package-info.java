@NullMarked
package io.signetmesh.cli.check;

import org.jspecify.annotations.NullMarked;

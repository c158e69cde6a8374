@NullMarked
package io.signetmesh.cli;

import org.jspecify.annotations.NullMarked;

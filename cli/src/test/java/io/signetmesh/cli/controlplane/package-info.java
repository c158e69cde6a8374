@NullMarked
package io.signetmesh.cli.controlplane;

import org.jspecify.annotations.NullMarked;

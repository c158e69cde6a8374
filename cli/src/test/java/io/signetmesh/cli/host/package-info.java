@NullMarked
package io.signetmesh.cli.host;

import org.jspecify.annotations.NullMarked;

@NullMarked
package io.signetmesh.cli.identity;

import org.jspecify.annotations.NullMarked;

@NullMarked
package io.signetmesh.cli.trust;

import org.jspecify.annotations.NullMarked;

@NullMarked
package io.signetmesh.cli.token;

import org.jspecify.annotations.NullMarked;

@NullMarked
package io.signetmesh.cli.authz;

import org.jspecify.annotations.NullMarked;

@NullMarked
package io.signetmesh.cli.policy;

import org.jspecify.annotations.NullMarked;

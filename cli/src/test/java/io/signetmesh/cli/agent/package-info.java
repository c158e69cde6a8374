@NullMarked
package io.signetmesh.cli.agent;

import org.jspecify.annotations.NullMarked;

@NullMarked
package io.signetmesh.cli.command;

import org.jspecify.annotations.NullMarked;

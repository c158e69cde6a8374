/** Output of commands for people. */
@NullMarked
package io.signetmesh.cli.text;

import org.jspecify.annotations.NullMarked;

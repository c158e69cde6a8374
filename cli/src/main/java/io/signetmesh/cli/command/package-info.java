/** What commands share: options, exit codes, and how a command fails. */
@NullMarked
package io.signetmesh.cli.command;

import org.jspecify.annotations.NullMarked;

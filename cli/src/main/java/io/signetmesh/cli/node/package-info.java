/** Commands that talk to the data plane of a node. */
@NullMarked
package io.signetmesh.cli.node;

import org.jspecify.annotations.NullMarked;

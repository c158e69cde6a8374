/** IP networks as policy writes them. */
@NullMarked
package io.signetmesh.crds.network;

import org.jspecify.annotations.NullMarked;

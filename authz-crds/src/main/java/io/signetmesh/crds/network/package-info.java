/** IP networks, literal addresses and sets of ports, as manifests write them. */
@NullMarked
package io.signetmesh.crds.network;

import org.jspecify.annotations.NullMarked;

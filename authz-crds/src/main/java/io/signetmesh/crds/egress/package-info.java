/** Kinds of traffic that leaves the cluster. */
@NullMarked
package io.signetmesh.crds.egress;

import org.jspecify.annotations.NullMarked;

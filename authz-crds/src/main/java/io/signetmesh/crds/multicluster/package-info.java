/** Links to other clusters. */
@NullMarked
package io.signetmesh.crds.multicluster;

import org.jspecify.annotations.NullMarked;

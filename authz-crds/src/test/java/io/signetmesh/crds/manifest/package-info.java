/** Tests of the manifest reader. */
@NullMarked
package io.signetmesh.crds.manifest;

import org.jspecify.annotations.NullMarked;

/**
 * Strict reading of manifests: what is wrong is reported with file, line and column, and nothing is
 * guessed. {@link io.signetmesh.crds.manifest.ManifestReader} is the entry.
 */
@NullMarked
package io.signetmesh.crds.manifest;

import org.jspecify.annotations.NullMarked;

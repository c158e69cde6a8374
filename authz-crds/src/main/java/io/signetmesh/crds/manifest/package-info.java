/**
 * Strict reading of manifests: errors have file, line and column, and nothing is guessed. {@link
 * io.signetmesh.crds.manifest.ManifestReader} is the entry point.
 */
@NullMarked
package io.signetmesh.crds.manifest;

import org.jspecify.annotations.NullMarked;

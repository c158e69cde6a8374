/**
 * Annotations that state, beside each field of a resource, what its custom resource definition
 * allows: the versions that serve it, the valid values and the default.
 */
@NullMarked
package io.signetmesh.crds.schema;

import org.jspecify.annotations.NullMarked;

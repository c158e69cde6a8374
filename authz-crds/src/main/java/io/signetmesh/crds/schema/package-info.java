/**
 * Annotations that say, beside each field of a resource, what its custom resource definition
 * allows: which versions serve it, which values it takes and what its default is.
 */
@NullMarked
package io.signetmesh.crds.schema;

import org.jspecify.annotations.NullMarked;

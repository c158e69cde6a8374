/** Authentication of requests by policy bundles in Rego. */
@NullMarked
package io.signetmesh.crds.rego;

import org.jspecify.annotations.NullMarked;

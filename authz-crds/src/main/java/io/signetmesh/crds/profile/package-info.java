/** Per-service routes, retries and traffic splits of Linkerd service profiles. */
@NullMarked
package io.signetmesh.crds.profile;

import org.jspecify.annotations.NullMarked;

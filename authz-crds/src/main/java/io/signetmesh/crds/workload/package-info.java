/** Workloads outside of Kubernetes that take part in the mesh. */
@NullMarked
package io.signetmesh.crds.workload;

import org.jspecify.annotations.NullMarked;

/**
 * The SPIFFE Workload API on a Unix socket: workloads of this host get their SVIDs without holding
 * a secret, because the kernel identifies them. {@link io.signetmesh.identity.spiffe.WorkloadApi}
 * is the server.
 */
@NullMarked
package io.signetmesh.identity.spiffe;

import org.jspecify.annotations.NullMarked;

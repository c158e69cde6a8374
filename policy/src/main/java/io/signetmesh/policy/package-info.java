/**
 * The policy controller: {@link io.signetmesh.policy.PolicyServer} follows a cluster and serves the
 * effective inbound policy of each workload port.
 */
@NullMarked
package io.signetmesh.policy;

import org.jspecify.annotations.NullMarked;

/**
 * One immutable view of workloads, services, endpoints and policy resources, and the sources that
 * keep it current. {@link io.signetmesh.cluster.ClusterView} is what everything else reads.
 */
@NullMarked
package io.signetmesh.cluster;

import org.jspecify.annotations.NullMarked;

/**
 * An immutable view of workloads, Services, endpoints and policy resources, and the sources that
 * keep it up to date. Policy and discovery read {@link io.signetmesh.cluster.ClusterView}.
 */
@NullMarked
package io.signetmesh.cluster;

import org.jspecify.annotations.NullMarked;

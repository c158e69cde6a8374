/** The projection of the cluster that discovery answers from: Services, endpoints and workloads. */
@NullMarked
package io.signetmesh.discovery.topology;

import org.jspecify.annotations.NullMarked;

/** What discovery knows of the cluster: services, endpoints and workloads, indexed. */
@NullMarked
package io.signetmesh.discovery.topology;

import org.jspecify.annotations.NullMarked;

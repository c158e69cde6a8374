package io.signetmesh.policy.clients;

import io.signetmesh.cluster.WorkloadRef;
import java.net.InetAddress;
import org.jspecify.annotations.Nullable;

/**
 * A workload as a client.
 *
 * @param ref its name
 * @param ip an address that it calls from
 * @param identity the identity in its certificate; null when it has none, as a pod without proxy
 */
public record ClientWorkload(WorkloadRef ref, InetAddress ip, @Nullable String identity) {}

package io.signetmesh.crds.egress;

import io.signetmesh.crds.policy.Network;
import io.signetmesh.crds.schema.Required;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What an {@link EgressNetwork} says.
 *
 * @param trafficPolicy what happens to traffic that no route names
 * @param networks the networks; null means everything outside of the cluster networks
 */
public record EgressNetworkSpec(
    @Required TrafficPolicy trafficPolicy, @Nullable List<Network> networks) {
  /** Keeps a copy. */
  public EgressNetworkSpec {
    networks = networks == null ? null : List.copyOf(networks);
  }
}

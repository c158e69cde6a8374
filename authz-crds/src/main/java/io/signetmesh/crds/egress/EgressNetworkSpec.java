package io.signetmesh.crds.egress;

import io.signetmesh.crds.policy.Network;
import io.signetmesh.crds.schema.Required;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Spec of an {@link EgressNetwork}.
 *
 * @param trafficPolicy what happens to traffic that no route matches
 * @param networks the networks; null means every address outside of the cluster networks
 */
public record EgressNetworkSpec(
    @Required TrafficPolicy trafficPolicy, @Nullable List<Network> networks) {
  /** Copies the list, which may be null. */
  public EgressNetworkSpec {
    networks = networks == null ? null : List.copyOf(networks);
  }
}

package io.signetmesh.crds.policy;

import io.signetmesh.crds.schema.Required;
import java.util.List;

/**
 * What a {@link NetworkAuthentication} says.
 *
 * @param networks networks that clients come from; one is enough
 */
public record NetworkAuthenticationSpec(@Required List<Network> networks) {
  /** Keeps a copy. */
  public NetworkAuthenticationSpec {
    networks = List.copyOf(networks);
  }
}

package io.signetmesh.crds.policy;

import io.signetmesh.crds.schema.Required;
import java.util.List;

/**
 * Spec of a {@link NetworkAuthentication}.
 *
 * @param networks networks; the client's address must be in one of them
 */
public record NetworkAuthenticationSpec(@Required List<Network> networks) {
  /** Copies the list. */
  public NetworkAuthenticationSpec {
    networks = List.copyOf(networks);
  }
}

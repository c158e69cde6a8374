package io.signetmesh.crds.policy;

import io.signetmesh.crds.schema.Required;
import java.util.List;

/**
 * A network with exceptions, as text: {@link io.signetmesh.crds.network.Cidr} reads it.
 *
 * @param cidr network in CIDR form, or one address
 * @param except networks or addresses inside of it that do not belong to it
 */
public record Network(@Required String cidr, List<String> except) {
  /** Exceptions that are not given are none. */
  public Network {
    except = except == null ? List.of() : List.copyOf(except);
  }

  /** A network without exceptions. */
  public Network(String cidr) {
    this(cidr, List.of());
  }
}

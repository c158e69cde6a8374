package io.signetmesh.crds.policy;

import io.signetmesh.crds.schema.Required;
import java.util.List;

/**
 * A network with exceptions, in text form. {@link io.signetmesh.crds.network.Cidr} parses it.
 *
 * @param cidr a network in CIDR notation, or a single address
 * @param except networks or addresses inside of {@code cidr} that are excluded
 */
public record Network(@Required String cidr, List<String> except) {
  /** Copies the exceptions; null becomes an empty list. */
  public Network {
    except = except == null ? List.of() : List.copyOf(except);
  }

  /** A network without exceptions. */
  public Network(String cidr) {
    this(cidr, List.of());
  }
}

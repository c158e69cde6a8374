package io.signetmesh.policy.facts;

import java.util.List;

/**
 * Matches client addresses.
 *
 * @param network addresses that match
 * @param except networks that do not
 */
public record NetworkMatch(IpNetwork network, List<IpNetwork> except) {
  /** Sorts the exceptions, which equal states must list alike. */
  public NetworkMatch {
    except = except.stream().sorted().distinct().toList();
  }

  /** A network without exceptions. */
  public static NetworkMatch of(IpNetwork network) {
    return new NetworkMatch(network, List.of());
  }

  /** Whether no address is left. */
  public boolean isVoid() {
    return except.stream().anyMatch(hole -> hole.contains(network));
  }
}

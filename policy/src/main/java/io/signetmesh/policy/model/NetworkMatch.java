package io.signetmesh.policy.model;

import io.signetmesh.crds.network.Cidr;
import java.math.BigInteger;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;

/**
 * Matches client addresses.
 *
 * @param network addresses that match
 * @param except networks that do not
 */
public record NetworkMatch(Cidr network, List<Cidr> except) implements Comparable<NetworkMatch> {
  private static final Comparator<Cidr> BY_ADDRESS =
      Comparator.comparing(Cidr::isIpv6)
          .thenComparing(Cidr::address, Arrays::compareUnsigned)
          .thenComparingInt(Cidr::prefixLength);
  private static final Comparator<NetworkMatch> ORDER =
      Comparator.comparing(NetworkMatch::network, BY_ADDRESS)
          .thenComparing(match -> match.except().toString());

  /** Sorts the exceptions, which equal states must list alike. */
  public NetworkMatch {
    except = except.stream().sorted(BY_ADDRESS).distinct().toList();
  }

  /** A network without exceptions. */
  public static NetworkMatch of(Cidr network) {
    return new NetworkMatch(network, List.of());
  }

  /** Whether no address is left: the exceptions cover the network, one of them or all together. */
  public boolean isVoid() {
    BigInteger left = size(network);
    Cidr last = null;
    // Sorted by address, so that one which holds another comes before it.
    for (Cidr hole : except) {
      if (hole.contains(network)) {
        return true;
      }
      if (network.contains(hole) && (last == null || !last.contains(hole))) {
        left = left.subtract(size(hole));
        last = hole;
      }
    }
    return left.signum() == 0;
  }

  private static BigInteger size(Cidr network) {
    return BigInteger.ONE.shiftLeft((network.isIpv6() ? 128 : 32) - network.prefixLength());
  }

  @Override
  public int compareTo(NetworkMatch other) {
    return ORDER.compare(this, other);
  }
}

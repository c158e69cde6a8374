package io.signetmesh.identity.live;

import java.security.cert.X509Certificate;
import java.util.List;
import java.util.stream.Stream;

/**
 * Live connections whose peers were verified under one anchor.
 *
 * @param anchor the end of the verified paths
 * @param connections how many there are, 1 or more
 * @param peers names of some of the peers, sorted; at most {@link #MAX_PEERS}
 * @param leftOut whether there are other peers
 */
public record AnchorUse(
    X509Certificate anchor, int connections, List<String> peers, boolean leftOut) {
  /** Names of peers kept for an anchor. */
  public static final int MAX_PEERS = 8;

  /** Copies the names. */
  public AnchorUse {
    peers = List.copyOf(peers);
  }

  /** Connections of which all peers are named. */
  public AnchorUse(X509Certificate anchor, int connections, List<String> peers) {
    this(anchor, connections, peers, false);
  }

  /** The same anchor in several loops. */
  static AnchorUse sum(AnchorUse one, AnchorUse other) {
    List<String> peers =
        Stream.concat(one.peers.stream(), other.peers.stream()).distinct().sorted().toList();
    return new AnchorUse(
        one.anchor,
        one.connections + other.connections,
        peers.stream().limit(MAX_PEERS).toList(),
        one.leftOut || other.leftOut || peers.size() > MAX_PEERS);
  }
}

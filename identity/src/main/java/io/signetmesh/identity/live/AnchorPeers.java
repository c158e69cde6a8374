package io.signetmesh.identity.live;

import io.signetmesh.identity.pki.Certificates;
import java.security.cert.X509Certificate;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** The connections of a loop whose peers were verified under one anchor; confined to the loop. */
final class AnchorPeers {
  /** Connections looked at for names of peers, the newest first. */
  private static final int MAX_LOOKED_AT = 1024;

  final X509Certificate anchor;
  private @Nullable Member newest;
  private int connections;
  private @Nullable String fingerprint;

  AnchorPeers(X509Certificate anchor) {
    this.anchor = anchor;
  }

  /** A connection in the list of its anchor. */
  abstract static class Member {
    private @Nullable Member older;
    private @Nullable Member newer;

    /** Name of the peer. */
    abstract String peer();
  }

  void add(Member member) {
    Member next = newest;
    member.older = next;
    if (next != null) {
      next.newer = member;
    }
    newest = member;
    connections++;
  }

  void remove(Member member) {
    Member older = member.older;
    Member newer = member.newer;
    if (newer != null) {
      newer.older = older;
    } else {
      newest = older;
    }
    if (older != null) {
      older.newer = newer;
    }
    member.older = null;
    member.newer = null;
    connections--;
  }

  boolean isEmpty() {
    return connections == 0;
  }

  /** SHA-256 of the anchor, lower-case hexadecimal. */
  String fingerprint() {
    String known = fingerprint;
    if (known == null) {
      known = Certificates.fingerprint(anchor);
      fingerprint = known;
    }
    return known;
  }

  /** Of the peers looked at, the first by name. */
  AnchorUse use() {
    TreeSet<String> peers = new TreeSet<>();
    boolean leftOut = false;
    Member member = newest;
    for (int i = 0; member != null && i < MAX_LOOKED_AT; i++) {
      peers.add(member.peer());
      if (peers.size() > AnchorUse.MAX_PEERS) {
        peers.removeLast();
        leftOut = true;
      }
      member = member.older;
    }
    return new AnchorUse(anchor, connections, peers.stream().toList(), leftOut || member != null);
  }
}

package io.signetmesh.proxy.connect;

import io.netty.channel.Channel;
import io.netty.handler.ssl.SslHandler;
import io.signetmesh.audit.AuditLog;
import io.signetmesh.audit.AuditedConnection;
import io.signetmesh.audit.DecisionEvent;
import io.signetmesh.audit.DecisionMode;
import io.signetmesh.audit.Verdict;
import io.signetmesh.identity.live.LiveConnection;
import io.signetmesh.identity.live.LivePeers;
import io.signetmesh.identity.live.LivePeers.Registration;
import io.signetmesh.identity.live.LivePeers.Side;
import io.signetmesh.identity.pki.MeshSslContexts;
import io.signetmesh.identity.pki.VerifiedPeer;
import io.signetmesh.proxy.authorize.Reason;
import io.signetmesh.proxy.metrics.ProxyMetrics;
import java.net.InetSocketAddress;
import java.time.InstantSource;

/**
 * Has connections to peers end with the trust in those peers. Each cut is on record, with this
 * workload as client.
 *
 * @param live follows the connections
 * @param workload {@code namespace/name} for records
 * @param identity own identity for records
 */
public record DialledPeers(
    LivePeers live,
    String workload,
    String identity,
    AuditLog audit,
    ProxyMetrics metrics,
    InstantSource clock) {
  private static final String NO_SERVER = "none";

  /**
   * Follows a connection whose handshake is done; to be called on its loop.
   *
   * @param own session of the connection, for the own leaf
   * @return false when the peer is refused by the newest trust: the connection is cut
   */
  boolean follow(Channel channel, VerifiedPeer peer, SslHandler own) {
    Dialled connection = new Dialled(channel, peer.identity().name());
    Registration registration =
        live.register(
            channel.eventLoop(),
            Side.DIALLED,
            peer,
            MeshSslContexts.ownLeaf(own).orElse(null),
            connection);
    channel.closeFuture().addListener(closed -> registration.close());
    return !connection.cut;
  }

  private final class Dialled implements LiveConnection {
    private final Channel channel;
    private final String peer;
    private boolean cut;

    Dialled(Channel channel, String peer) {
      this.channel = channel;
      this.peer = peer;
    }

    @Override
    public void notice(Notice notice) {
      channel.pipeline().fireUserEventTriggered(notice);
    }

    @Override
    public void record(Cause cause, String why) {
      Reason reason = Reason.ofCode(cause.code());
      metrics.peerLost("outbound", reason);
      if (channel.localAddress() instanceof InetSocketAddress from
          && channel.remoteAddress() instanceof InetSocketAddress to) {
        record(from, to, reason, why);
      }
    }

    @Override
    public void cut() {
      cut = true;
      Endings.reset(channel);
    }

    private void record(InetSocketAddress from, InetSocketAddress to, Reason reason, String why) {
      audit.record(
          new DecisionEvent(
              clock.millis(),
              new AuditedConnection(workload, from, to, identity, "TLSv1.3", null),
              NO_SERVER,
              "tcp",
              null,
              null,
              Verdict.DENY,
              reason.code(),
              null,
              null,
              "connection to " + peer + ": " + why,
              0,
              DecisionMode.ENFORCE,
              null));
    }
  }
}

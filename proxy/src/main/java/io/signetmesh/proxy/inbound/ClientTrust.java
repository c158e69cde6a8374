package io.signetmesh.proxy.inbound;

import io.netty.channel.Channel;
import io.netty.handler.ssl.SslHandler;
import io.signetmesh.identity.live.LiveConnection;
import io.signetmesh.identity.live.LivePeers;
import io.signetmesh.identity.live.LivePeers.Registration;
import io.signetmesh.identity.live.LivePeers.Side;
import io.signetmesh.identity.pki.MeshSslContexts;
import io.signetmesh.identity.pki.VerifiedPeer;
import io.signetmesh.proxy.authorize.Reason;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/** Follows the trust in the client of a connection, in whatever state the connection is. */
final class ClientTrust implements LiveConnection, AutoCloseable {
  private final Channel channel;
  private final BiConsumer<Reason, String> ended;
  private final Runnable cut;
  private @Nullable Registration registration;

  /**
   * @param ended puts on record why the trust has ended
   * @param cut then cuts the connection
   */
  ClientTrust(Channel channel, BiConsumer<Reason, String> ended, Runnable cut) {
    this.channel = channel;
    this.ended = ended;
    this.cut = cut;
  }

  /** Begins, if the client has shown a certificate; may find at once that the trust has ended. */
  void follow(LivePeers peers, SslHandler tls) {
    VerifiedPeer peer = MeshSslContexts.verifiedPeer(tls).orElse(null);
    if (peer != null) {
      registration =
          peers.register(
              channel.eventLoop(),
              Side.ACCEPTED,
              peer,
              MeshSslContexts.ownLeaf(tls).orElse(null),
              this);
    }
  }

  @Override
  public void notice(Notice notice) {
    channel.pipeline().fireUserEventTriggered(notice);
  }

  @Override
  public void record(Cause cause, String why) {
    ended.accept(Reason.ofCode(cause.code()), why);
  }

  @Override
  public void cut() {
    cut.run();
  }

  @Override
  public void close() {
    Registration open = registration;
    if (open != null) {
      open.close();
    }
  }
}

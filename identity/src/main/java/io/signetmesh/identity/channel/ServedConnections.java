package io.signetmesh.identity.channel;

import io.grpc.Attributes;
import io.grpc.netty.GrpcHttp2ConnectionHandler;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.ssl.SslHandler;
import io.signetmesh.identity.live.LivePeers;
import io.signetmesh.identity.pki.MeshSslContexts;
import io.signetmesh.identity.pki.VerifiedPeer;
import java.net.InetAddress;
import java.net.InetSocketAddress;

/**
 * Puts a server's bounds on a connection whose caller is known.
 *
 * @param loops what is shared by the servers of the process
 * @param certified bounds of callers with a certificate, and of trusted ones
 * @param uncertified bounds of callers without
 * @param memory notices when there is none
 */
record ServedConnections(
    ControlLoops loops, CallLimits certified, CallLimits uncertified, MemoryExhaustion memory) {
  static final Attributes.Key<Caller> CALLER = Attributes.Key.create("signet-caller");
  static final Attributes.Key<VerifiedPeer> PEER = Attributes.Key.create("signet-caller-peer");
  static final Attributes.Key<CallGuard> GUARD = Attributes.Key.create("signet-guard");

  /**
   * Begins to serve.
   *
   * @return what calls of the connection find
   */
  Attributes begin(ChannelHandlerContext ctx, GrpcHttp2ConnectionHandler grpc, Caller caller) {
    Channel channel = ctx.channel();
    InetAddress address =
        channel.remoteAddress() instanceof InetSocketAddress remote
            ? remote.getAddress()
            : InetAddress.getLoopbackAddress();
    CallBudget.Share share = loops.calls().share(caller, address);
    boolean anonymous = caller instanceof Caller.Unidentified;
    CallGuard guard =
        CallGuard.install(
            grpc,
            channel,
            share,
            anonymous ? uncertified : certified,
            loops.refusals(),
            anonymous ? address.getHostAddress() : caller.toString(),
            address.getHostAddress());
    ctx.pipeline().addBefore(ctx.name(), null, memory);
    return Attributes.newBuilder().set(CALLER, caller).set(GUARD, guard).build();
  }

  /**
   * Has a connection end with the trust in its caller; for when gRPC has its place.
   *
   * @param attributes what {@link #begin} has given
   */
  void follow(
      Channel channel,
      GrpcHttp2ConnectionHandler grpc,
      Attributes attributes,
      LivePeers peers,
      SslHandler tls) {
    CallGuard guard = attributes.get(GUARD);
    VerifiedPeer peer = MeshSslContexts.verifiedPeer(tls).orElse(null);
    if (guard == null || peer == null) {
      return;
    }
    String address =
        channel.remoteAddress() instanceof InetSocketAddress remote
            ? remote.getAddress().getHostAddress()
            : "unknown";
    LivePeers.Registration registration =
        peers.register(
            channel.eventLoop(),
            LivePeers.Side.ACCEPTED,
            peer,
            MeshSslContexts.ownLeaf(tls).orElse(null),
            new ServedPeer(
                channel, grpc, guard, loops.refusals(), peer.identity().name(), address));
    channel.closeFuture().addListener(closed -> registration.close());
  }

  /** Tells a client without certificate how few calls it may have open. */
  void announce(Channel channel, GrpcHttp2ConnectionHandler grpc) {
    ChannelHandlerContext ctx = channel.pipeline().context(grpc);
    if (ctx != null) {
      CallGuard.announce(grpc, ctx, uncertified);
    }
  }
}

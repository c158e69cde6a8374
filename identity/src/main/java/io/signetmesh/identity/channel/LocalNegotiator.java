package io.signetmesh.identity.channel;

import io.grpc.Attributes;
import io.grpc.netty.GrpcHttp2ConnectionHandler;
import io.grpc.netty.InternalProtocolNegotiator;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.epoll.EpollDomainSocketChannel;
import io.netty.channel.unix.PeerCredentials;
import io.netty.util.AsciiString;
import java.io.IOException;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** HTTP/2 by prior knowledge on a Unix socket, server side: admits the process at the other end. */
final class LocalNegotiator implements InternalProtocolNegotiator.ProtocolNegotiator {
  static final Attributes.Key<LocalPeer> PEER = Attributes.Key.create("signet-local-peer");
  static final Attributes.Key<PeerProcess> PROCESS = Attributes.Key.create("signet-peer-process");

  private static final Logger log = LoggerFactory.getLogger(LocalNegotiator.class);

  private final Duration settingsTimeout;
  private final LocalServer.Config config;
  private final ControlLoops loops;
  private final CallLimits limits;
  private final Map<Integer, Integer> ofUsers = new HashMap<>();
  private int connections;

  LocalNegotiator(
      Duration settingsTimeout, LocalServer.Config config, ControlLoops loops, CallLimits limits) {
    this.settingsTimeout = settingsTimeout;
    this.config = config;
    this.loops = loops;
    this.limits = limits;
  }

  @Override
  public AsciiString scheme() {
    return PlainNegotiator.HTTP;
  }

  @Override
  public ChannelHandler newHandler(GrpcHttp2ConnectionHandler grpcHandler) {
    return new NegotiationHandler(grpcHandler, settingsTimeout) {
      @Override
      void onNegotiationStart(ChannelHandlerContext ctx) {
        LocalPeer peer = admit(ctx);
        PeerProcess process = peer == null || !config.held() ? null : hold(ctx, peer);
        if (peer == null || (config.held() && process == null)) {
          ctx.channel().close();
          return;
        }
        String name = "process " + peer.pid() + " of user " + peer.uid();
        CallGuard guard =
            CallGuard.install(
                grpcHandler,
                ctx.channel(),
                loops.calls().share(peer),
                limits,
                loops.refusals(),
                name,
                name);
        Attributes.Builder learned =
            Attributes.newBuilder().set(PEER, peer).set(ServedConnections.GUARD, guard);
        if (process != null) {
          learned.set(PROCESS, process);
        }
        proceed(ctx, learned.build());
      }
    };
  }

  private @Nullable LocalPeer admit(ChannelHandlerContext ctx) {
    LocalPeer peer;
    try {
      PeerCredentials credentials = ((EpollDomainSocketChannel) ctx.channel()).peerCredentials();
      peer = new LocalPeer(credentials.uid(), credentials.gids()[0], credentials.pid());
    } catch (IOException | ClassCastException e) {
      log.warn("local connection refused: the kernel does not name its process: {}", e.toString());
      return null;
    }
    if (!config.admitted().test(peer)) {
      log.warn(
          "local connection refused: process {} of user {} may not connect",
          peer.pid(),
          peer.uid());
      return null;
    }
    if (!take(peer.uid())) {
      log.warn(
          "local connection of process {} of user {} refused: too many are open",
          peer.pid(),
          peer.uid());
      return null;
    }
    ctx.channel().closeFuture().addListener(closed -> give(peer.uid()));
    return peer;
  }

  private static @Nullable PeerProcess hold(ChannelHandlerContext ctx, LocalPeer peer) {
    try {
      int socket = ((EpollDomainSocketChannel) ctx.channel()).fd().intValue();
      PeerProcess process = PeerProcess.of(socket, peer.pid());
      ctx.channel().closeFuture().addListener(closed -> process.close());
      return process;
    } catch (IOException | RuntimeException e) {
      log.warn("local connection of user {} refused: {}", peer.uid(), e.getMessage());
      return null;
    }
  }

  private synchronized boolean take(int uid) {
    int now = ofUsers.getOrDefault(uid, 0);
    if (connections >= config.maxConnections() || now >= config.maxConnectionsOfUser()) {
      return false;
    }
    connections++;
    ofUsers.put(uid, now + 1);
    return true;
  }

  private synchronized void give(int uid) {
    connections--;
    ofUsers.computeIfPresent(uid, (user, count) -> count == 1 ? null : count - 1);
  }

  @Override
  public void close() {
    // Holds nothing.
  }
}

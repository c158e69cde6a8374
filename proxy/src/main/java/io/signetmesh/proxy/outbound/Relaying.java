package io.signetmesh.proxy.outbound;

import io.netty.channel.Channel;
import io.signetmesh.proxy.forward.TcpRelay;
import io.signetmesh.proxy.loop.ProxyLoop;
import io.signetmesh.proxy.upstream.Upstream;

/**
 * Forwards the bytes of a connection, and tells the balancer how it went: an endpoint's proxy takes
 * a connection also where its application fails.
 */
final class Relaying implements OutboundState {
  private final ProxyLoop loop;
  private final Channel application;
  private final ChosenEndpoint.Connected chosen;
  private final Runnable handOver;
  private final Runnable ended;

  /**
   * @param handOver hands on what the application has sent already
   * @param ended runs when both connections are closed
   */
  Relaying(
      ProxyLoop loop,
      Channel application,
      ChosenEndpoint.Connected chosen,
      Runnable handOver,
      Runnable ended) {
    this.loop = loop;
    this.application = application;
    this.chosen = chosen;
    this.handOver = handOver;
    this.ended = ended;
  }

  @Override
  public void enter() {
    TcpRelay.joinBalanced(loop, application, chosen.peer(), new Use());
    handOver.run();
    loop.flushDirty();
  }

  private final class Use implements TcpRelay.Listener {
    @Override
    public void answered() {
      chosen.lease().answered();
    }

    @Override
    public void closed(boolean serverFailed) {
      Upstream.Lease lease = chosen.lease();
      if (serverFailed) {
        lease.answeredBadly(0);
      }
      lease.release();
      ended.run();
    }
  }
}

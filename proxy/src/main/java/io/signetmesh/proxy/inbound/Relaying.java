package io.signetmesh.proxy.inbound;

import io.netty.channel.Channel;
import io.signetmesh.proxy.authorize.ServerPolicy;
import io.signetmesh.proxy.forward.TcpRelay;
import io.signetmesh.proxy.loop.ProxyLoop;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** Forwards the bytes of an allowed connection, and cuts it when a policy does not allow it. */
final class Relaying implements ConnectionState {
  private final ProxyLoop loop;
  private final Channel client;
  private final Channel application;
  private final Runnable handOver;
  private final Predicate<ServerPolicy> mayGoOn;
  private final Runnable ended;
  private @Nullable TcpRelay relay;

  /**
   * @param handOver hands on what the client has sent already
   * @param mayGoOn whether a policy lets the connection go on; tells of it when it does not
   * @param ended runs when both connections are closed, or about to be
   */
  Relaying(
      ProxyLoop loop,
      Channel client,
      Channel application,
      Runnable handOver,
      Predicate<ServerPolicy> mayGoOn,
      Runnable ended) {
    this.loop = loop;
    this.client = client;
    this.application = application;
    this.handOver = handOver;
    this.mayGoOn = mayGoOn;
    this.ended = ended;
  }

  @Override
  public void enter() {
    relay = TcpRelay.join(loop, client, application, ended);
    handOver.run();
    loop.flushDirty();
  }

  @Override
  public void policyChanged(ServerPolicy now) {
    if (relay != null && !mayGoOn.test(now)) {
      cut();
      ended.run();
    }
  }

  /** Cuts both connections. */
  void cut() {
    TcpRelay live = relay;
    if (live != null) {
      live.cut();
    }
  }
}

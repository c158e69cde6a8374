package io.signetmesh.proxy.http;

import io.netty.channel.Channel;
import io.netty.util.concurrent.Future;
import io.signetmesh.proxy.connect.Connector;
import io.signetmesh.proxy.http.exchange.ClientAccounts;
import io.signetmesh.proxy.http.exchange.HttpConfig;
import io.signetmesh.proxy.http.exchange.InFlight;
import io.signetmesh.proxy.loop.Http2KeepAlive;
import io.signetmesh.proxy.loop.ProxyLoop;
import io.signetmesh.proxy.policy.PortPolicy;
import io.signetmesh.proxy.rego.RegoChecks;
import io.signetmesh.proxy.token.TokenChecks;
import java.net.InetSocketAddress;
import java.util.HashMap;
import java.util.Map;

/**
 * Inbound HTTP on one loop: the connections to applications, the clients, and the requests in
 * flight. Confined to the loop.
 */
final class InboundLoop {
  final ProxyLoop loop;
  final HttpConfig config;
  private final Connector connector;
  private final Map<InetSocketAddress, UpstreamPool> pools = new HashMap<>();
  final SampledRecords overloads;
  final SlowBodies slowBodies;
  final ClientAccounts clients;
  final InFlight inFlight = new InFlight();
  final TokenChecks tokens;
  final RegoChecks rego;
  final ProofTurns proofTurns;

  InboundLoop(
      ProxyLoop loop, HttpConfig config, Connector connector, TokenChecks tokens, RegoChecks rego) {
    this.loop = loop;
    this.config = config;
    this.connector = connector;
    this.tokens = tokens;
    this.rego = rego;
    this.proofTurns = new ProofTurns(loop.eventLoop());
    this.overloads = new SampledRecords(loop.eventLoop());
    this.slowBodies = new SlowBodies(loop.eventLoop(), loop.pace());
    this.clients = new ClientAccounts(loop.eventLoop().ticker()::nanoTime);
  }

  private Future<Channel> dial(InetSocketAddress target, PortPolicy policy) {
    return connector
        .connectLocal(loop, target)
        .addListener(
            dialed -> {
              if (dialed.isSuccess()) {
                policy.markServed();
              }
            });
  }

  UpstreamPool pool(InetSocketAddress target, PortPolicy policy) {
    UpstreamPool pool = pools.get(target);
    if (pool == null) {
      pool =
          new UpstreamPool(
              loop,
              config,
              session -> dial(target, policy),
              // Applications on this host do not vanish, and some end connections over PINGs.
              Http2KeepAlive.OFF,
              empty -> pools.remove(target, empty));
      pools.put(target, pool);
    }
    return pool;
  }
}

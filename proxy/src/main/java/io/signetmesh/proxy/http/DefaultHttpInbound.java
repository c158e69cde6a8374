package io.signetmesh.proxy.http;

import io.netty.channel.Channel;
import io.signetmesh.audit.AuditLog;
import io.signetmesh.proxy.connect.Connector;
import io.signetmesh.proxy.detect.HttpVersion;
import io.signetmesh.proxy.http.exchange.HttpConfig;
import io.signetmesh.proxy.http.h1.Http1ServerConnection;
import io.signetmesh.proxy.http.h2.Http2ServerConnection;
import io.signetmesh.proxy.inbound.HttpInbound;
import io.signetmesh.proxy.inbound.InboundConnection;
import io.signetmesh.proxy.loop.ProxyLoop;
import io.signetmesh.proxy.rego.RegoChecks;
import io.signetmesh.proxy.token.TokenChecks;
import java.time.InstantSource;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Inbound HTTP: every request is authorized under the policy in force and then forwarded to the
 * local application over pooled connections. A request in flight is cut when a new policy no longer
 * allows it.
 */
public final class DefaultHttpInbound implements HttpInbound {
  private final HttpConfig config;
  private final Connector connector;
  private final AuditLog audit;
  private final InstantSource clock;
  private final TokenChecks tokens;
  private final RegoChecks rego;
  private final Map<ProxyLoop, InboundLoop> loops = new ConcurrentHashMap<>();

  /**
   * @param tokens says what the tokens of requests prove
   * @param rego says what policy bundles answer about requests
   */
  public DefaultHttpInbound(
      HttpConfig config,
      Connector connector,
      AuditLog audit,
      InstantSource clock,
      TokenChecks tokens,
      RegoChecks rego) {
    this.config = config;
    this.connector = connector;
    this.audit = audit;
    this.clock = clock;
    this.tokens = tokens;
    this.rego = rego;
  }

  @Override
  public void serve(
      ProxyLoop loop, Channel channel, InboundConnection connection, HttpVersion version) {
    InboundLoop state =
        loops.computeIfAbsent(
            loop, added -> new InboundLoop(added, config, connector, tokens, rego));
    RequestRecords records = new RequestRecords(audit, clock, connection, version);
    InboundRequests requests = new InboundRequests(state, channel, connection, version, records);
    if (version == HttpVersion.HTTP1) {
      new Http1ServerConnection(loop, config, requests).install(channel);
    } else {
      Http2ServerConnection.install(loop, config, requests, channel);
    }
  }
}

package io.signetmesh.proxy.http;

import io.netty.channel.Channel;
import io.netty.handler.codec.http2.Http2Error;
import io.netty.handler.codec.http2.Http2Headers;
import io.signetmesh.proxy.authorize.ServerPolicy;
import io.signetmesh.proxy.connect.Endings;
import io.signetmesh.proxy.detect.HttpVersion;
import io.signetmesh.proxy.http.exchange.ClientAccount;
import io.signetmesh.proxy.http.exchange.Exchange;
import io.signetmesh.proxy.http.exchange.ExchangeFactory;
import io.signetmesh.proxy.http.exchange.HeaderNames;
import io.signetmesh.proxy.http.exchange.ServerStream;
import io.signetmesh.proxy.inbound.InboundConnection;
import io.signetmesh.proxy.memory.ConnectionMemory;
import io.signetmesh.proxy.policy.PortPolicy;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The requests of one client connection, which are looked at again when the policy changes. */
final class InboundRequests implements ExchangeFactory {
  final InboundLoop state;
  private final Channel client;
  final InboundConnection inbound;
  final HttpVersion version;
  private final PortPolicy.Registration registration;
  final HeadAttributes attributes = new HeadAttributes();
  final RequestRecords records;
  private final ClientAccount account;
  private @Nullable InboundExchange first;

  InboundRequests(
      InboundLoop state,
      Channel client,
      InboundConnection inbound,
      HttpVersion version,
      RequestRecords records) {
    this.state = state;
    this.client = client;
    this.inbound = inbound;
    this.version = version;
    this.records = records;
    this.account = state.clients.open(inbound.client());
    this.registration = inbound.policy().onChange(state.loop.eventLoop(), this::policyChanged);
  }

  @Override
  public Exchange begin(
      ServerStream server, Channel channel, Http2Headers head, boolean end, boolean upgrade) {
    InboundExchange exchange = new InboundExchange(this, server, channel, head, end, upgrade);
    exchange.next = first;
    if (first != null) {
      first.previous = exchange;
    }
    first = exchange;
    exchange.begin(state.inFlight, ConnectionMemory.of(channel));
    try {
      exchange.decideAndSend();
    } catch (RuntimeException | Error e) {
      // No server connection knows of it yet: what was counted for it is given back here.
      exchange.requestAborted(Http2Error.INTERNAL_ERROR.code());
      throw e;
    }
    if (!end && !exchange.done() && head.contains(HeaderNames.CONTENT_LENGTH)) {
      exchange.watchBody(state.slowBodies);
    }
    return exchange;
  }

  void remove(InboundExchange exchange) {
    if (exchange.previous != null) {
      exchange.previous.next = exchange.next;
    } else {
      first = exchange.next;
    }
    if (exchange.next != null) {
      exchange.next.previous = exchange.previous;
    }
  }

  private void policyChanged(ServerPolicy policy) {
    List<InboundExchange> live = new ArrayList<>();
    for (InboundExchange e = first; e != null; e = e.next) {
      live.add(e);
    }
    try {
      for (InboundExchange exchange : live) {
        exchange.recheck(policy);
      }
    } catch (RuntimeException | Error e) {
      // Nobody knows whether the policy allows what was not looked at.
      Endings.reset(client);
      throw e;
    }
    state.loop.flushDirty();
    if (!inbound.policy().isWatched()) {
      // Nobody tells of changes any more.
      client.close();
    }
  }

  @Override
  public ClientAccount account() {
    return account;
  }

  @Override
  public void exhausted(ClientAccount.Waste by) {
    inbound.metrics().exhausted();
    malformed(null, null, "connection: too many " + by.text());
  }

  /** Probing clients are seen too. */
  @Override
  public void malformed(@Nullable CharSequence method, @Nullable CharSequence target, String why) {
    records.malformed(inbound.policy().current(), method, target, why);
  }

  @Override
  public void closed() {
    state.clients.close(inbound.client(), account);
    registration.close();
  }
}

package io.signetmesh.proxy.http;

import io.netty.channel.Channel;
import io.netty.handler.codec.http2.Http2Error;
import io.netty.handler.codec.http2.Http2Headers;
import io.signetmesh.proxy.detect.HttpVersion;
import io.signetmesh.proxy.http.exchange.ClientAccount;
import io.signetmesh.proxy.http.exchange.Exchange;
import io.signetmesh.proxy.http.exchange.ExchangeFactory;
import io.signetmesh.proxy.http.exchange.Failure;
import io.signetmesh.proxy.http.exchange.MaxForwards;
import io.signetmesh.proxy.http.exchange.ServerStream;
import io.signetmesh.proxy.memory.ConnectionMemory;
import io.signetmesh.proxy.metrics.OutboundHttpMetrics;
import io.signetmesh.proxy.metrics.ProxyError;
import io.signetmesh.proxy.upstream.Upstream;
import org.jspecify.annotations.Nullable;

/** The requests of one connection of the application. */
final class OutboundRequests implements ExchangeFactory {
  final OutboundLoop state;
  final Upstream upstream;
  final HttpVersion version;
  final OutboundHttpMetrics counts;
  private final ClientAccount account;

  OutboundRequests(
      OutboundLoop state, Upstream upstream, HttpVersion version, OutboundHttpMetrics counts) {
    this.state = state;
    this.upstream = upstream;
    this.version = version;
    this.account = new ClientAccount(state.loop.eventLoop().ticker()::nanoTime);
    this.counts = counts;
  }

  @Override
  public Exchange begin(
      ServerStream server, Channel channel, Http2Headers head, boolean end, boolean upgrade) {
    OutboundExchange exchange = new OutboundExchange(this, server, head, end, upgrade);
    exchange.begin(state.inFlight, ConnectionMemory.of(channel));
    try {
      begin(exchange, head);
    } catch (RuntimeException | Error e) {
      // No server connection knows of it yet: what was counted for it is given back here.
      exchange.requestAborted(Http2Error.INTERNAL_ERROR.code());
      throw e;
    }
    return exchange;
  }

  private void begin(OutboundExchange exchange, Http2Headers head) {
    exchange.prepare();
    if (state.inFlight.requests() > state.config.maxInFlight() || exchange.beyondShare()) {
      exchange.fail(Failure.OVERLOADED);
    } else if (!exchange.hasTarget() || MaxForwards.isMalformed(head)) {
      exchange.fail(Failure.BAD_REQUEST);
    } else if (!MaxForwards.count(head)) {
      exchange.answerAsLast();
    } else {
      exchange.pickAndSend();
    }
  }

  @Override
  public ClientAccount account() {
    return account;
  }

  @Override
  public void exhausted(ClientAccount.Waste by) {
    counts.failed(ProxyError.LOADSHED);
  }

  @Override
  public void malformed(@Nullable CharSequence method, @Nullable CharSequence target, String why) {}

  @Override
  public void closed() {}
}

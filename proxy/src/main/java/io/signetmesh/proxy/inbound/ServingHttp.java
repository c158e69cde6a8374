package io.signetmesh.proxy.inbound;

import io.netty.channel.Channel;
import io.signetmesh.proxy.detect.HttpVersion;
import io.signetmesh.proxy.loop.ProxyLoop;
import io.signetmesh.proxy.memory.ConnectionMemory;
import java.net.InetSocketAddress;

/**
 * Requests are decided on one by one. The HTTP path looks at the policy itself from here on, before
 * each request and whenever it changes.
 */
final class ServingHttp implements ConnectionState {
  private final ProxyLoop loop;
  private final Channel channel;
  private final InboundAccept.Services services;
  private final ConnectionRecords records;
  private final PortBinding binding;
  private final InboundTransport transport;
  private final HttpVersion version;
  private final Runnable handOver;

  /**
   * @param handOver hands on what the client has sent already
   */
  ServingHttp(
      ProxyLoop loop,
      Channel channel,
      InboundAccept.Services services,
      ConnectionRecords records,
      PortBinding binding,
      InboundTransport transport,
      HttpVersion version,
      Runnable handOver) {
    this.loop = loop;
    this.channel = channel;
    this.services = services;
    this.records = records;
    this.binding = binding;
    this.transport = transport;
    this.version = version;
    this.handOver = handOver;
  }

  @Override
  public void enter() {
    services.http().serve(loop, channel, connection(), version);
    ConnectionMemory memory = ConnectionMemory.of(channel);
    if (memory != null) {
      memory.answers(true);
    }
    // First: what the bytes held bring may make HTTP stop reading.
    channel.config().setAutoRead(true);
    handOver.run();
    loop.flushDirty();
  }

  /** The protocol as records show it. */
  String label() {
    return version == HttpVersion.HTTP1 ? "http/1" : "http/2";
  }

  private InboundConnection connection() {
    InetSocketAddress target = binding.target();
    return new InboundConnection(
        records.client(transport),
        services.application(target),
        binding.policy(),
        records.connection(target, transport),
        transport.identity() != null,
        services.metrics().inboundHttp(target, transport.status()));
  }
}

package io.signetmesh.proxy;

import io.netty.channel.Channel;
import io.netty.channel.ChannelHandler;
import io.netty.channel.unix.FileDescriptor;
import io.signetmesh.proxy.config.ProxyConfig;
import io.signetmesh.proxy.handover.HandedOver;
import io.signetmesh.proxy.handover.Predecessor;
import io.signetmesh.proxy.inbound.InboundAccept;
import io.signetmesh.proxy.loop.ProxyLoop;
import io.signetmesh.proxy.loop.ProxyLoops;
import io.signetmesh.proxy.loop.TcpKeepAlive;
import io.signetmesh.proxy.outbound.OutboundAccept;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** The listeners of a proxy, bound anew or taken over from its predecessor. */
final class Listeners {
  private final ProxyConfig config;
  private final ProxyLoops loops;
  private final @Nullable Predecessor predecessor;
  private final List<HandedOver> all = new ArrayList<>();
  private final List<InetSocketAddress> ownAddresses = new CopyOnWriteArrayList<>();

  /**
   * @param predecessor whose listeners are taken over; null: there is none
   */
  Listeners(ProxyConfig config, ProxyLoops loops, @Nullable Predecessor predecessor) {
    this.config = config;
    this.loops = loops;
    this.predecessor = predecessor;
  }

  /** What is handed over to a successor, without the admin server's. */
  List<HandedOver> all() {
    return List.copyOf(all);
  }

  List<Channel> channels() {
    return all.stream().flatMap(listener -> listener.channels().stream()).toList();
  }

  /** Closes all listeners. Does not wait. */
  void close() {
    channels().forEach(Channel::close);
  }

  /** Closes all listeners, waiting for a second for each. */
  void closeAndWait() {
    channels().forEach(listener -> listener.close().awaitUninterruptibly(1, TimeUnit.SECONDS));
  }

  /** What the running proxy has on an address; empty when there is none, or it has nothing. */
  List<FileDescriptor> inherited(InetSocketAddress address) {
    return predecessor == null ? List.of() : predecessor.take(address);
  }

  /** Notes addresses at which the proxy itself listens. */
  void own(List<InetSocketAddress> addresses) {
    ownAddresses.addAll(addresses);
  }

  /** Whether the proxy itself listens at an address. */
  boolean isOwn(InetSocketAddress target) {
    for (InetSocketAddress own : ownAddresses) {
      if (own.getPort() == target.getPort()
          && (own.getAddress().isAnyLocalAddress()
              || target.getAddress().isAnyLocalAddress()
              || own.getAddress().equals(target.getAddress()))) {
        return true;
      }
    }
    return false;
  }

  /** Binds the inbound listeners: the proxy's own, then those that are for one port. */
  List<InetSocketAddress> bindInbound(Supplier<InboundAccept.Services> services)
      throws IOException {
    List<InetSocketAddress> bound = new ArrayList<>();
    TcpKeepAlive accepted = config.keepAlive().inboundAccept();
    InboundAccept.Listener own = new InboundAccept.Listener(0, config.redirected());
    bound.add(
        listen(
            config.inboundListen(),
            accepted,
            loop -> new InboundAccept(loop, own, services.get())));
    for (ProxyConfig.InboundListener declared : config.inboundListeners()) {
      InboundAccept.Listener listener = new InboundAccept.Listener(declared.port(), false);
      bound.add(
          listen(
              declared.listen(),
              accepted,
              loop -> new InboundAccept(loop, listener, services.get())));
    }
    return List.copyOf(bound);
  }

  /** Binds the outbound listeners: for redirected connections, then the declared upstreams. */
  List<InetSocketAddress> bindOutbound(Supplier<OutboundAccept.Services> services)
      throws IOException {
    List<InetSocketAddress> bound = new ArrayList<>();
    TcpKeepAlive accepted = config.keepAlive().outboundAccept();
    InetSocketAddress redirected = config.outboundListen();
    if (redirected != null) {
      bound.add(
          listen(redirected, accepted, loop -> new OutboundAccept(loop, null, services.get())));
    }
    for (ProxyConfig.OutboundListener declared : config.outboundListeners()) {
      bound.add(
          listen(
              declared.listen(),
              accepted,
              loop -> new OutboundAccept(loop, declared.authority(), services.get())));
    }
    return List.copyOf(bound);
  }

  private InetSocketAddress listen(
      InetSocketAddress address,
      TcpKeepAlive keepAlive,
      Function<ProxyLoop, ChannelHandler> handler)
      throws IOException {
    List<FileDescriptor> inherited = inherited(address);
    List<Channel> bound =
        inherited.isEmpty()
            ? loops.bind(address, keepAlive, handler)
            : loops.adopt(address, inherited, keepAlive, handler);
    InetSocketAddress local = (InetSocketAddress) bound.getFirst().localAddress();
    all.add(new HandedOver(address.getPort() == 0 ? local : address, bound));
    return local;
  }
}

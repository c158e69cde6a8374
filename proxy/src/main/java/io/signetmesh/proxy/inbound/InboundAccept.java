package io.signetmesh.proxy.inbound;

import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.signetmesh.audit.AuditLog;
import io.signetmesh.identity.live.LivePeers;
import io.signetmesh.identity.pki.Credentials;
import io.signetmesh.identity.pki.LiveSslContext;
import io.signetmesh.proxy.connect.Connector;
import io.signetmesh.proxy.connect.HeldReads;
import io.signetmesh.proxy.detect.OriginalDestination;
import io.signetmesh.proxy.loop.ProxyLoop;
import io.signetmesh.proxy.metrics.ProxyMetrics;
import io.signetmesh.proxy.policy.PortPolicies;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.time.InstantSource;
import java.util.Set;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * First handler of an inbound connection. The steps are: find the original destination, wait for
 * the policy of its port, decide on TLS by the server name, detect the protocol. Then HTTP is
 * authorized per request, and any other protocol once per connection.
 *
 * <p>Three things differ from Linkerd on purpose. Nothing is served before the policy of the port
 * has arrived. Mesh TLS is terminated on opaque ports, too, because that only adds an identity. On
 * a port whose policy says HTTP, the application gets authorized requests only, whatever the peer
 * states about the connection: otherwise a client could send the application headers that only
 * proxies may set.
 */
public final class InboundAccept extends ChannelInboundHandlerAdapter {
  private static final Logger log = LoggerFactory.getLogger(InboundAccept.class);

  private final ProxyLoop loop;
  private final Listener listener;
  private final Services services;

  /**
   * How a listener finds the original destination of its connections.
   *
   * @param port port of the application that all connections of the listener are for; 0: taken from
   *     the original destination or the transport header
   * @param redirected whether the nat table redirects connections to the listener
   */
  public record Listener(int port, boolean redirected) {}

  /**
   * What inbound connections need.
   *
   * @param workload {@code namespace/name} for records
   * @param serverName name under which this proxy terminates TLS
   * @param addresses addresses of the workload, to which connections are accepted; empty: any
   * @param application address at which the application listens; null: the original destination
   * @param ownListener whether the proxy itself listens at an address. No client is forwarded
   *     there: the admin server would see a client of this host, and the outbound listeners would
   *     lend the client the workload's identity
   * @param tls contexts for connections that are not direct
   * @param directTls contexts for direct connections, with the transport header's ALPN
   * @param peers follows the trust in clients that have shown a certificate
   */
  public record Services(
      String workload,
      String serverName,
      Set<InetAddress> addresses,
      @Nullable InetAddress application,
      Predicate<InetSocketAddress> ownListener,
      Supplier<Credentials> credentials,
      LiveSslContext<Credentials> tls,
      LiveSslContext<Credentials> directTls,
      LivePeers peers,
      PortPolicies policies,
      Connector connector,
      HttpInbound http,
      AuditLog audit,
      ProxyMetrics metrics,
      Duration detectTimeout,
      Duration handshakeTimeout,
      InstantSource clock) {

    /** Where the application is to be found for an address that was asked for. */
    InetSocketAddress application(InetSocketAddress target) {
      return application == null ? target : new InetSocketAddress(application, target.getPort());
    }

    /** Whether an address is one of the workload's. */
    boolean mayBeAskedFor(InetAddress address) {
      return addresses.isEmpty() || addresses.contains(address);
    }
  }

  public InboundAccept(ProxyLoop loop, Listener listener, Services services) {
    this.loop = loop;
    this.listener = listener;
    this.services = services;
  }

  @Override
  public void channelActive(ChannelHandlerContext ctx) {
    Channel channel = ctx.channel();
    HeldReads held = new HeldReads();
    channel.pipeline().addLast("held", held);
    ConnectionLife life =
        new ConnectionLife(channel, loop, services, held, () -> removeFrom(channel));
    InetSocketAddress local = (InetSocketAddress) channel.localAddress();
    if (listener.port() != 0) {
      life.start(new InetSocketAddress(local.getAddress(), listener.port()));
      return;
    }
    InetSocketAddress original = listener.redirected() ? OriginalDestination.of(channel) : null;
    if (original == null || original.getPort() == local.getPort()) {
      life.sniff();
    } else if (services.mayBeAskedFor(original.getAddress())) {
      life.start(original);
    } else {
      life.refuseForeign(original);
    }
  }

  private void removeFrom(Channel channel) {
    if (channel.pipeline().context(this) != null) {
      channel.pipeline().remove(this);
    }
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
    log.debug("inbound connection from {}", ctx.channel().remoteAddress(), cause);
    ctx.close();
  }
}

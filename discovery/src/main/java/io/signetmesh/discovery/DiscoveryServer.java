package io.signetmesh.discovery;

import io.grpc.BindableService;
import io.signetmesh.cluster.ClusterSource;
import io.signetmesh.discovery.config.DiscoveryConfig;
import io.signetmesh.discovery.destination.DestinationService;
import io.signetmesh.discovery.outbound.OutboundPolicyService;
import io.signetmesh.discovery.topology.ClusterTopology;
import io.signetmesh.identity.admin.ServerMeters;
import io.signetmesh.identity.channel.ControlLoops;
import io.signetmesh.identity.channel.ControlServer;
import io.signetmesh.identity.channel.ControlServer.Security;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.List;

/**
 * The discovery server. It tells proxies the endpoints of destinations and how to treat traffic to
 * them.
 */
public final class DiscoveryServer implements AutoCloseable {
  /** Default port, as in Linkerd. */
  public static final int DEFAULT_PORT = 8086;

  private final ControlServer server;
  private final ClusterTopology topology;
  private final DestinationService destinations;
  private final OutboundPolicyService outboundPolicies;

  private DiscoveryServer(
      ControlServer server,
      ClusterTopology topology,
      DestinationService destinations,
      OutboundPolicyService outboundPolicies) {
    this.server = server;
    this.topology = topology;
    this.destinations = destinations;
    this.outboundPolicies = outboundPolicies;
  }

  /**
   * Configuration of the server.
   *
   * @param address address to bind; port 0 takes a free port
   * @param security how connections are protected; in cleartext, the claims of local callers are
   *     believed
   * @param discovery settings of the answers
   * @param meters registry of the server's metrics
   */
  public record Config(
      InetSocketAddress address,
      Security security,
      DiscoveryConfig discovery,
      ServerMeters meters) {
    /** A configuration without metrics. */
    public Config(InetSocketAddress address, Security security, DiscoveryConfig discovery) {
      this(address, security, discovery, ServerMeters.none());
    }
  }

  /**
   * Binds the address and starts serving, from the source's current view on.
   *
   * @throws IOException when the address cannot be bound or the credentials are not usable; the
   *     server then no longer follows the source
   */
  public static DiscoveryServer start(Config config, ClusterSource cluster, ControlLoops loops)
      throws IOException {
    ClusterTopology topology = new ClusterTopology(cluster);
    DestinationService destinations = new DestinationService(config.discovery(), topology);
    OutboundPolicyService outboundPolicies =
        new OutboundPolicyService(config.discovery(), topology);
    try {
      ControlServer server =
          ControlServer.start(
              ControlServer.Config.of(config.address(), config.security()),
              loops,
              config.meters().metered(List.of(destinations, outboundPolicies)));
      config.meters().certificates("discovery", config.security());
      return new DiscoveryServer(server, topology, destinations, outboundPolicies);
    } catch (IOException | RuntimeException e) {
      outboundPolicies.close();
      destinations.close();
      topology.close();
      throw e;
    }
  }

  /** The bound address. */
  public InetSocketAddress address() {
    return server.address();
  }

  /**
   * The service for outbound policies. Proxies expect it on the policy controller's port. A {@link
   * ControlServer} must serve it, because the service checks the caller that the ControlServer
   * identifies. It works until this server is closed.
   */
  public BindableService outboundPolicies() {
    return outboundPolicies;
  }

  /** Cancels the calls in progress and no longer follows the source. The source stays open. */
  @Override
  public void close() {
    server.close();
    outboundPolicies.close();
    destinations.close();
    topology.close();
  }
}

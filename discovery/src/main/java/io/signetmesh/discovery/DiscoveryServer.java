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
 * The discovery server: tells proxies where destinations are and how traffic to them is treated.
 */
public final class DiscoveryServer implements AutoCloseable {
  /** Port that proxies expect discovery at. */
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
   * What a server is made from.
   *
   * @param address to bind; port 0 takes a free one
   * @param security how connections are protected; in cleartext, local callers are believed
   * @param discovery what the answers depend on besides the cluster
   * @param meters where the metrics of the server go
   */
  public record Config(
      InetSocketAddress address,
      Security security,
      DiscoveryConfig discovery,
      ServerMeters meters) {
    /** Without metrics. */
    public Config(InetSocketAddress address, Security security, DiscoveryConfig discovery) {
      this(address, security, discovery, ServerMeters.none());
    }
  }

  /**
   * Binds and serves; the first answers are from the source's present view.
   *
   * @throws IOException when the address cannot be bound or the credentials make no TLS context;
   *     the source is then followed no more
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

  /** The address bound. */
  public InetSocketAddress address() {
    return server.address();
  }

  /**
   * Outbound policies, for the policy port, where proxies ask for them. They must be served by a
   * {@link ControlServer}, whose caller they check, and answer until this server is closed.
   */
  public BindableService outboundPolicies() {
    return outboundPolicies;
  }

  /** Cuts the calls being served and follows the cluster no more; the source stays open. */
  @Override
  public void close() {
    server.close();
    outboundPolicies.close();
    destinations.close();
    topology.close();
  }
}

package io.signetmesh.cli.controlplane;

import io.signetmesh.audit.Journal;
import io.signetmesh.audit.JournalConfig;
import io.signetmesh.cli.host.ControlPlane;
import io.signetmesh.cli.host.MeshNames;
import io.signetmesh.cluster.ClusterSource;
import io.signetmesh.cluster.DirectorySource;
import io.signetmesh.collector.CollectorServer;
import io.signetmesh.crds.manifest.InvalidManifestsException;
import io.signetmesh.discovery.DiscoveryServer;
import io.signetmesh.discovery.topology.ClusterTopology;
import io.signetmesh.identity.admin.AdminServer;
import io.signetmesh.identity.admin.ServerMeters;
import io.signetmesh.identity.attest.Attestation;
import io.signetmesh.identity.attest.WorkloadTokens;
import io.signetmesh.identity.ca.IssuancePolicy;
import io.signetmesh.identity.ca.TrustBundleStore;
import io.signetmesh.identity.channel.ControlChannel;
import io.signetmesh.identity.channel.ControlLoops;
import io.signetmesh.identity.channel.ControlServer.Security;
import io.signetmesh.identity.federation.FederationConfig;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.WorkloadIdentity;
import io.signetmesh.identity.server.IdentityServer;
import io.signetmesh.identity.workload.IdentityClient;
import io.signetmesh.policy.PolicyServer;
import io.signetmesh.policy.fetch.FetchSettings;
import io.signetmesh.rotation.server.TrustRotationExtension;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.jspecify.annotations.Nullable;

/**
 * All servers of a control plane in this process: identity, policy and discovery, and an audit
 * collector by choice.
 */
public final class ControlPlaneServers implements AutoCloseable {
  private static final Duration JOIN_LIMIT = Duration.ofSeconds(20);

  private final Closing parts;
  private final ControlPlane addresses;
  private final ClusterSource source;
  private final TokenFiles tokens;
  private final TrustBundleStore bundles;
  private final PolicyServer policy;
  private final @Nullable CollectorServer collector;
  private final @Nullable InetSocketAddress admin;

  private ControlPlaneServers(
      Closing parts,
      ControlPlane addresses,
      ClusterSource source,
      TokenFiles tokens,
      TrustBundleStore bundles,
      PolicyServer policy,
      @Nullable CollectorServer collector,
      @Nullable InetSocketAddress admin) {
    this.parts = parts;
    this.addresses = addresses;
    this.source = source;
    this.tokens = tokens;
    this.bundles = bundles;
    this.policy = policy;
    this.collector = collector;
    this.admin = admin;
  }

  /**
   * Configuration of the servers.
   *
   * @param state the state directory
   * @param manifests directory with the manifests of the mesh
   * @param defaultNamespace namespace of objects whose manifests name none; null when such objects
   *     are errors
   * @param listen addresses to bind
   * @param cluster settings that policy and discovery share
   * @param issuance lifetime of leaves
   * @param federation trust domains that the identity server federates with
   * @param fetches where key sets and bundles may be fetched from, and where they are kept
   * @param admin address that serves metrics; null for none
   * @param otlp OTLP endpoint that metrics are pushed to; null for none
   * @param collector where and how audit records are collected; null for nowhere
   */
  public record Config(
      Path state,
      Path manifests,
      @Nullable String defaultNamespace,
      ControlPlane listen,
      ClusterSettings cluster,
      IssuancePolicy issuance,
      FederationConfig federation,
      FetchSettings fetches,
      AdminServer.@Nullable Listen admin,
      @Nullable URI otlp,
      @Nullable Collector collector) {
    /**
     * Without an audit collector, and with key sets from the internet alone, kept in the state
     * directory.
     */
    public Config(
        Path state,
        Path manifests,
        @Nullable String defaultNamespace,
        ControlPlane listen,
        ClusterSettings cluster,
        IssuancePolicy issuance,
        FederationConfig federation,
        AdminServer.@Nullable Listen admin,
        @Nullable URI otlp) {
      this(
          state,
          manifests,
          defaultNamespace,
          listen,
          cluster,
          issuance,
          federation,
          new FetchSettings(List.of(), state.resolve("key-sets"), null),
          admin,
          otlp,
          null);
    }

    /** The audit journal of the control plane. */
    public Path journal() {
      return state.resolve("audit").resolve("control-plane.jsonl");
    }
  }

  /**
   * An audit collector.
   *
   * @param listen address to bind
   * @param settings how it keeps its log
   */
  public record Collector(InetSocketAddress listen, CollectorSettings settings) {}

  /**
   * Starts all servers. If one of them fails to start, none keeps running.
   *
   * @throws Exception why a server did not start, as its module throws it
   */
  public static ControlPlaneServers start(Config config, InstantSource clock) throws Exception {
    Closing parts = new Closing();
    // Reading the manifests takes as long as everything else together.
    CompletableFuture<ClusterSource> reading = CompletableFuture.supplyAsync(() -> read(config));
    try {
      return start(config, clock, reading, parts);
    } catch (Exception e) {
      reading.thenAccept(ClusterSource::close);
      parts.close();
      throw e;
    }
  }

  private static ControlPlaneServers start(
      Config config, InstantSource clock, CompletableFuture<ClusterSource> reading, Closing parts)
      throws Exception {
    MeshNames names = config.cluster().names();
    Journal journal = parts.add(Journal.open(JournalConfig.of(config.journal()), clock));
    ControlLoops loops = parts.add(ControlLoops.start(1, journal, clock));
    ServerMeters meters =
        config.admin() == null && config.otlp() == null
            ? ServerMeters.none()
            : parts.add(ServerMeters.start("signet-control-plane", loops::load, config.otlp()));
    WorkloadTokens attestor =
        WorkloadTokens.open(
            config.state(), names.controlPlaneNamespace(), names.trustDomain(), clock);
    TokenFiles tokens = parts.add(new TokenFiles(config.state().resolve("tokens"), attestor));
    IdentityServer identity =
        parts.add(
            IdentityServer.start(
                new IdentityServer.Config(
                    config.state(),
                    names.identityServer(),
                    config.listen().identity(),
                    false,
                    config.issuance(),
                    null,
                    config.federation(),
                    meters,
                    TrustRotationExtension::open),
                Attestation.of(attestor),
                loops,
                journal,
                clock));
    String anchors = Certificates.toPem(identity.bundles().get().anchors());
    Membership membership =
        new Membership(
            names,
            anchors,
            tokens.issue(
                "control-plane",
                names.policyServer().namespace(),
                names.policyServer().serviceAccount()),
            reachable(identity.address()));
    IdentityClient member =
        parts.add(membership.join(names.policyServer(), loops, clock, JOIN_LIMIT));
    Security security = new Security.MutualTls(member::credentials, clock, Set.of());
    ClusterSource source;
    try {
      source = parts.add(reading.join());
    } catch (CompletionException e) {
      throw e.getCause() instanceof Exception cause ? cause : e;
    }
    DiscoveryServer discovery =
        parts.add(
            DiscoveryServer.start(
                new DiscoveryServer.Config(
                    config.listen().discovery(), security, config.cluster().discovery(), meters),
                source,
                loops));
    PolicyServer policy =
        parts.add(
            PolicyServer.start(
                new PolicyServer.Config(
                    config.listen().policy(),
                    security,
                    config.cluster().policy(),
                    config.fetches(),
                    meters),
                source,
                List.of(discovery.outboundPolicies()),
                loops,
                journal,
                clock));
    CollectorServer collector = null;
    if (config.collector() != null) {
      collector =
          collector(
              config, config.collector(), membership, tokens, source, loops, meters, clock, parts);
    }
    CollectorServer collecting = collector;
    if (collecting != null) {
      InetSocketAddress to = reachable(collecting.address());
      parts.add(
          ServerDelivery.start(
              journal,
              new ControlChannel.Address(to.getAddress().getHostAddress(), to.getPort()),
              names,
              member::credentials,
              loops,
              meters.registry(),
              clock));
    }
    // Ready with the first answer: all servers serve by now.
    Optional<AdminServer> admin =
        config.admin() == null
            ? Optional.empty()
            : AdminServer.start(
                config.admin(),
                meters,
                // Without the collector: while its log cannot be written, writers keep their
                // records, and the mesh needs identity, policy and discovery nevertheless.
                identity::isReady,
                identity.documents());
    admin.ifPresent(parts::add);
    return new ControlPlaneServers(
        parts,
        new ControlPlane(identity.address(), discovery.address(), policy.address()),
        source,
        tokens,
        identity.bundles(),
        policy,
        collecting,
        admin.map(AdminServer::address).orElse(null));
  }

  private static CollectorServer collector(
      Config config,
      Collector collector,
      Membership membership,
      TokenFiles tokens,
      ClusterSource source,
      ControlLoops loops,
      ServerMeters meters,
      InstantSource clock,
      Closing parts)
      throws Exception {
    MeshNames names = config.cluster().names();
    WorkloadIdentity who = names.auditCollector();
    IdentityClient member =
        parts.add(
            new Membership(
                    names,
                    membership.anchors(),
                    tokens.issue(who.serviceAccount(), who.namespace(), who.serviceAccount()),
                    membership.identityServer())
                .join(who, loops, clock, JOIN_LIMIT));
    CollectorSettings settings = collector.settings();
    return parts.add(
        CollectorServer.start(
            new CollectorServer.Config(
                collector.listen(),
                new Security.MutualTls(member::credentials, clock, Set.of()),
                settings.directory(),
                settings.origin(),
                settings.fsync(),
                settings.retention(),
                settings.writerRate(),
                settings.witness(),
                settings.kafka(),
                settings.hasIndex(),
                new ClusterRights(names, parts.add(new ClusterTopology(source)), clock),
                meters),
            loops,
            clock));
  }

  private static ClusterSource read(Config config) {
    try {
      return DirectorySource.open(config.manifests(), config.defaultNamespace());
    } catch (InvalidManifestsException e) {
      throw new CompletionException(e);
    }
  }

  /** Where a client on this host reaches a server. */
  public static InetSocketAddress reachable(InetSocketAddress bound) {
    return bound.getAddress().isAnyLocalAddress()
        ? new InetSocketAddress(InetAddress.getLoopbackAddress(), bound.getPort())
        : bound;
  }

  /** Addresses of the servers. */
  public ControlPlane addresses() {
    return addresses;
  }

  /** The source of the cluster view that the servers use. */
  public ClusterSource source() {
    return source;
  }

  /** Tokens of the workloads of this host. */
  public TokenFiles tokens() {
    return tokens;
  }

  /** The trust anchors in force now, as PEM: a workload that starts later needs the new ones. */
  public String trustAnchors() {
    return Certificates.toPem(bundles.get().anchors());
  }

  /** The policy controller, for calls within this process. */
  public PolicyServer policy() {
    return policy;
  }

  /** Address of the audit collector; empty when there is none. */
  public Optional<InetSocketAddress> collectorAddress() {
    return Optional.ofNullable(collector).map(CollectorServer::address);
  }

  /** Address that serves metrics; empty when none does. */
  public Optional<InetSocketAddress> adminAddress() {
    return Optional.ofNullable(admin);
  }

  @Override
  public void close() throws Exception {
    parts.close();
  }
}

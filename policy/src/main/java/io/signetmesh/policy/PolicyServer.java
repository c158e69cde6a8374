package io.signetmesh.policy;

import io.grpc.BindableService;
import io.netty.util.concurrent.DefaultThreadFactory;
import io.signetmesh.audit.AuditLog;
import io.signetmesh.cluster.ClusterSource;
import io.signetmesh.identity.admin.ServerMeters;
import io.signetmesh.identity.channel.ControlLoops;
import io.signetmesh.identity.channel.ControlServer;
import io.signetmesh.policy.admin.ControllerMetrics;
import io.signetmesh.policy.effective.PolicyConfig;
import io.signetmesh.policy.fetch.DocumentRefresh;
import io.signetmesh.policy.fetch.DocumentStatus;
import io.signetmesh.policy.fetch.FetchSettings;
import io.signetmesh.policy.index.PolicyIndex;
import io.signetmesh.policy.lint.IndexLinter;
import io.signetmesh.policy.lint.LintFinding;
import io.signetmesh.policy.model.ObjectRef;
import io.signetmesh.policy.stream.EnforcementLedger;
import io.signetmesh.policy.stream.EnforcementService;
import io.signetmesh.policy.stream.InboundPolicyService;
import io.signetmesh.policy.stream.PortInspections;
import io.signetmesh.policy.stream.ReportedFinding;
import io.signetmesh.v1.EnforcementStatus;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/**
 * The policy controller: follows a cluster, works out the effective inbound policy of each workload
 * port, streams it to proxies and collects what they enforce.
 */
public final class PolicyServer implements AutoCloseable {
  /** Port of the policy controller. */
  public static final int DEFAULT_PORT = 8090;

  /** Lets a change reach its proxies, and more changes come, before all objects are looked at. */
  private static final long FINDINGS_PAUSE_MILLIS = 250;

  private final ControlServer server;
  private final ClusterSource.Subscription subscription;
  private final PolicyIndex index;
  private final PolicyFeed feed;
  private final EnforcementLedger ledger;
  private final EnforcementService enforcement;
  private final InboundPolicyService inbound;
  private final ExecutorService sender;
  private final ScheduledExecutorService background;
  private final DocumentRefresh refresh;

  private PolicyServer(
      ControlServer server,
      ClusterSource.Subscription subscription,
      PolicyIndex index,
      PolicyFeed feed,
      EnforcementLedger ledger,
      EnforcementService enforcement,
      InboundPolicyService inbound,
      ExecutorService sender,
      ScheduledExecutorService background,
      DocumentRefresh refresh) {
    this.server = server;
    this.subscription = subscription;
    this.index = index;
    this.feed = feed;
    this.ledger = ledger;
    this.enforcement = enforcement;
    this.inbound = inbound;
    this.sender = sender;
    this.background = background;
    this.refresh = refresh;
  }

  /**
   * Settings of a server.
   *
   * @param address to bind; port 0 takes a free one
   * @param security how connections are protected; with {@link ControlServer.Security.Cleartext}
   *     local callers are trusted to be the workloads that they name
   * @param policy control-plane namespace, identity trust domain, cluster networks, default policy
   * @param fetches where key sets and bundles may be fetched from, and where they are kept
   * @param meters where the metrics of the server go
   */
  public record Config(
      InetSocketAddress address,
      ControlServer.Security security,
      PolicyConfig policy,
      FetchSettings fetches,
      ServerMeters meters) {
    /** Keys and bundles from the internet alone, kept nowhere, and no metrics. */
    public Config(InetSocketAddress address, ControlServer.Security security, PolicyConfig policy) {
      this(address, security, policy, FetchSettings.DEFAULT, ServerMeters.none());
    }
  }

  /**
   * Reads the present view of the cluster, binds and serves. Closing the server does not close the
   * source.
   *
   * @param source followed from now on
   * @param more services to be served on the same port
   * @throws IOException when the address cannot be bound, or the directory that keeps key sets and
   *     bundles cannot be made
   */
  public static PolicyServer start(
      Config config,
      ClusterSource source,
      List<? extends BindableService> more,
      ControlLoops loops,
      AuditLog audit,
      InstantSource clock)
      throws IOException {
    DocumentRefresh refresh = DocumentRefresh.open(config.fetches(), clock);
    try {
      return start(config, source, more, loops, audit, clock, refresh);
    } catch (IOException | RuntimeException e) {
      refresh.close();
      throw e;
    }
  }

  private static PolicyServer start(
      Config config,
      ClusterSource source,
      List<? extends BindableService> more,
      ControlLoops loops,
      AuditLog audit,
      InstantSource clock,
      DocumentRefresh refresh)
      throws IOException {
    PolicyIndex index = new PolicyIndex(config.policy(), clock);
    IndexLinter linter = new IndexLinter(index);
    ControllerMetrics metrics = new ControllerMetrics(config.meters());
    EnforcementLedger ledger = new EnforcementLedger(clock, metrics::acknowledged);
    ScheduledExecutorService background =
        Executors.newSingleThreadScheduledExecutor(
            new DefaultThreadFactory("policy-findings", true));
    PolicyFeed feed =
        new PolicyFeed(
            linter,
            refresh.documents(),
            ledger::forget,
            audit,
            clock,
            metrics,
            task -> background.schedule(task, FINDINGS_PAUSE_MILLIS, TimeUnit.MILLISECONDS));
    feed.start(source.view());
    // What an earlier run has fetched is in the first messages.
    refresh.start(feed::fetched);
    ExecutorService sender =
        Executors.newSingleThreadExecutor(new DefaultThreadFactory("policy-streams", true));
    InboundPolicyService inbound = new InboundPolicyService(index, ledger, sender);
    EnforcementService enforcement =
        new EnforcementService(
            linter,
            ledger,
            feed::reported,
            new PortInspections(linter, feed::located, feed::view),
            refresh.documents(),
            sender);
    List<BindableService> services = new ArrayList<>(List.of(inbound, enforcement));
    services.addAll(more);
    ControlServer server;
    try {
      server =
          ControlServer.start(
              ControlServer.Config.of(config.address(), config.security()),
              loops,
              config.meters().metered(services));
    } catch (IOException | RuntimeException e) {
      sender.shutdownNow();
      background.shutdownNow();
      throw e;
    }
    metrics.bind(linter, ledger, feed::reported, refresh.documents());
    config.meters().certificates("policy", config.security());
    return new PolicyServer(
        server,
        source.subscribe(feed),
        index,
        feed,
        ledger,
        enforcement,
        inbound,
        sender,
        background,
        refresh);
  }

  /** The address bound. */
  public InetSocketAddress address() {
    return server.address();
  }

  /** The effective policy of every port, for questions within this process. */
  public PolicyIndex index() {
    return index;
  }

  /** Which proxies enforce which generation. */
  public EnforcementLedger ledger() {
    return ledger;
  }

  /** Which ports of connected proxies have the present generation in force. */
  public EnforcementLedger.Summary enforcement() {
    return ledger.summary(index.generation());
  }

  /**
   * What the status call of {@code io.signetmesh.v1.PolicyEnforcement} answers.
   *
   * @param namespace restricts the answer to one namespace; empty = all
   */
  public EnforcementStatus status(String namespace) {
    return enforcement.status(namespace);
  }

  /** How it stands with the keys that are fetched for JWTAuthentications. */
  public List<DocumentStatus> keySets() {
    return refresh.documents().statuses(ObjectRef.Kind.JWT_AUTHENTICATION);
  }

  /** How it stands with the bundles that are fetched for RegoAuthentications. */
  public List<DocumentStatus> bundles() {
    return refresh.documents().statuses(ObjectRef.Kind.REGO_AUTHENTICATION);
  }

  /** The findings of the linter now, errors first. */
  public List<LintFinding> findings() {
    return feed.findings();
  }

  /** The findings of the linter and the errors of the manifests, errors first. */
  public List<ReportedFinding> reported() {
    return feed.reported();
  }

  /** Stops following the cluster, ends the streams with OK and stops listening. */
  @Override
  public void close() {
    subscription.close();
    refresh.close();
    background.shutdownNow();
    inbound.close();
    sender.shutdown();
    try {
      sender.awaitTermination(1, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    server.close();
  }
}

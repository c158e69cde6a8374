package io.signetmesh.cli.server;

import io.signetmesh.cli.command.AddressOptions;
import io.signetmesh.cli.command.ClusterOptions;
import io.signetmesh.cli.command.CommandFailure;
import io.signetmesh.cli.command.ExitCode;
import io.signetmesh.cli.command.LoggingOptions;
import io.signetmesh.cli.command.MeshOptions;
import io.signetmesh.cli.controlplane.Closing;
import io.signetmesh.cli.controlplane.ControlPlaneFile;
import io.signetmesh.cli.controlplane.ControlPlaneServers;
import io.signetmesh.cli.controlplane.LocalMesh;
import io.signetmesh.cli.host.ControlPlane;
import io.signetmesh.cli.host.ListenAddress;
import io.signetmesh.cli.host.LocalProxies;
import io.signetmesh.cli.host.TemplateNotice;
import io.signetmesh.collector.CollectorServer;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Clock;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code signet up}. */
@Command(
    name = "up",
    description = {
      "Runs a whole mesh in this process: identity, policy, discovery, the audit collector, and one"
          + " proxy for each workload that the manifests declare for this host.",
      "A workload is of this host when its pod has the label linkerd.io/control-plane-ns and an"
          + " address of this host. Its annotations proxy.signetmesh.io/inbound and"
          + " proxy.signetmesh.io/outbound name its listeners. Edits of the manifests take effect"
          + " at once; an object that is not valid is reported and stays as it was.",
      "Pod templates (Deployments and the like) run nowhere: no pods are made from them."
    },
    mixinStandardHelpOptions = true,
    sortOptions = false,
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      "0:ended on request (SIGINT, SIGTERM)",
      ExitCode.USAGE_HELP,
      ExitCode.CONFIGURATION_HELP,
      ExitCode.UNAVAILABLE_HELP,
      ExitCode.INTERNAL_HELP
    },
    footer = {
      "",
      "Examples:",
      "  signet up --manifests examples/quickstart --state /tmp/signet",
      "  signet policy status --state /tmp/signet",
      "  tail -f /tmp/signet/audit/shop.web.jsonl"
    })
public final class UpCommand implements Callable<Integer> {
  private static final Logger log = LoggerFactory.getLogger(UpCommand.class);

  /** Audit records that are kept, unless it is said otherwise: the disk is not the log's alone. */
  private static final long KEPT_BYTES = 10L << 30;

  @Mixin private LoggingOptions logging = new LoggingOptions();

  @Option(
      names = "--manifests",
      required = true,
      paramLabel = "DIR",
      description = "Directory with the manifests of the mesh, watched for changes.")
  private Path manifests = Path.of("");

  @Mixin private MeshOptions mesh = new MeshOptions();

  @Option(
      names = "--identity-listen",
      paramLabel = "IP:PORT",
      defaultValue = "127.0.0.1:" + ControlPlane.IDENTITY_PORT,
      converter = AddressOptions.Converter.class,
      description = "Where the identity server listens (default: ${DEFAULT-VALUE}).")
  private InetSocketAddress identity = new InetSocketAddress(0);

  @Option(
      names = "--discovery-listen",
      paramLabel = "IP:PORT",
      defaultValue = "127.0.0.1:" + ControlPlane.DISCOVERY_PORT,
      converter = AddressOptions.Converter.class,
      description = "Where discovery listens (default: ${DEFAULT-VALUE}).")
  private InetSocketAddress discovery = new InetSocketAddress(0);

  @Option(
      names = "--policy-listen",
      paramLabel = "IP:PORT",
      defaultValue = "127.0.0.1:" + ControlPlane.POLICY_PORT,
      converter = AddressOptions.Converter.class,
      description = "Where the policy controller listens (default: ${DEFAULT-VALUE}).")
  private InetSocketAddress policy = new InetSocketAddress(0);

  @Option(
      names = "--collector-listen",
      paramLabel = "IP:PORT",
      converter = AddressOptions.Converter.class,
      description =
          "Where the audit collector listens (default: at the address of the policy controller;"
              + " port "
              + CollectorServer.DEFAULT_PORT
              + " when that has its default port, else any free one).")
  private @Nullable InetSocketAddress collectorListen;

  @Mixin private CollectorOptions collector = new CollectorOptions();

  @Mixin private ClusterOptions cluster = new ClusterOptions();
  @Mixin private IssuanceOptions issuance = new IssuanceOptions();
  @Mixin private FederationOptions federation = new FederationOptions();
  @Mixin private FetchOptions fetches = new FetchOptions();
  @Mixin private AdminOptions admin = new AdminOptions();

  @Option(names = "--control-plane-only", description = "Start no proxies.")
  private boolean controlPlaneOnly;

  @Override
  public Integer call() throws Exception {
    Clock clock = Clock.systemUTC();
    Path state = mesh.state().root();
    ControlPlaneServers.Config config =
        new ControlPlaneServers.Config(
            state,
            manifests.toAbsolutePath(),
            cluster.defaultNamespace(),
            new ControlPlane(identity, discovery, policy),
            cluster.settings(mesh.names()),
            issuance.policy(),
            federation.config(),
            fetches.settings(state),
            admin.listen(policy, AdminOptions.POLICY_PORT),
            admin.otlp(),
            new ControlPlaneServers.Collector(
                collectorListen(),
                collector.settings(state.resolve("audit"), mesh.names(), KEPT_BYTES)));
    Closing parts = new Closing();
    try {
      ControlPlaneServers servers = parts.add(ControlPlaneServers.start(config, clock));
      InetSocketAddress collecting = servers.collectorAddress().orElse(null);
      new ControlPlaneFile(servers.addresses(), mesh.names(), collecting).write(state);
      log.info(
          "identity listens on {}, discovery on {}, policy on {}, the audit collector on {}",
          ListenAddress.text(servers.addresses().identity()),
          ListenAddress.text(servers.addresses().discovery()),
          ListenAddress.text(servers.addresses().policy()),
          collecting == null ? "nothing" : ListenAddress.text(collecting));
      servers
          .adminAddress()
          .ifPresent(
              address -> log.info("metrics of all servers are at {}", ListenAddress.text(address)));
      parts.add(servers.source().subscribe(new TemplateNotice(log::warn)));
      if (!controlPlaneOnly) {
        LocalProxies proxies = parts.add(LocalMesh.proxies(config, servers, clock));
        parts.add(servers.source().subscribe(proxies));
      }
    } catch (Exception e) {
      parts.close();
      throw CommandFailure.starting("the mesh", e);
    }
    return Foreground.serve(parts);
  }

  private InetSocketAddress collectorListen() {
    return collectorListen != null
        ? collectorListen
        : new InetSocketAddress(
            policy.getAddress(),
            policy.getPort() == ControlPlane.POLICY_PORT ? CollectorServer.DEFAULT_PORT : 0);
  }
}

package io.signetmesh.cli.server;

import io.signetmesh.audit.Journal;
import io.signetmesh.audit.JournalConfig;
import io.signetmesh.cli.command.AddressOptions;
import io.signetmesh.cli.command.ClusterOptions;
import io.signetmesh.cli.command.CommandFailure;
import io.signetmesh.cli.command.ExitCode;
import io.signetmesh.cli.command.LoggingOptions;
import io.signetmesh.cli.command.MemberOptions;
import io.signetmesh.cli.controlplane.Closing;
import io.signetmesh.cli.controlplane.ClusterSettings;
import io.signetmesh.cli.host.ControlPlane;
import io.signetmesh.cli.host.ListenAddress;
import io.signetmesh.cluster.ClusterSource;
import io.signetmesh.cluster.DirectorySource;
import io.signetmesh.discovery.DiscoveryServer;
import io.signetmesh.identity.admin.ServerMeters;
import io.signetmesh.identity.channel.ControlLoops;
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

/** {@code signet discovery}. */
@Command(
    name = "discovery",
    description = "Runs discovery: tells proxies where services are and how to reach them.",
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
      "  signet discovery --manifests /etc/signet --state /var/lib/signet",
      "  signet discovery --manifests /etc/signet --listen 10.0.0.5:8086 \\",
      "      --identity-addr 10.0.0.5:8080 --trust-anchors anchors.pem --token-file token"
    })
public final class DiscoveryCommand implements Callable<Integer> {
  private static final Logger log = LoggerFactory.getLogger(DiscoveryCommand.class);

  @Mixin private LoggingOptions logging = new LoggingOptions();

  @Option(
      names = "--manifests",
      required = true,
      paramLabel = "DIR",
      description = "Directory with the manifests of the mesh, watched for changes.")
  private Path manifests = Path.of("");

  @Option(
      names = "--listen",
      paramLabel = "IP:PORT",
      defaultValue = "127.0.0.1:" + ControlPlane.DISCOVERY_PORT,
      converter = AddressOptions.Converter.class,
      description = "Where to listen (default: ${DEFAULT-VALUE}).")
  private InetSocketAddress listen = new InetSocketAddress(0);

  @Option(
      names = "--cleartext",
      description =
          "Serve without TLS, on a loopback address only: every local process is trusted.")
  private boolean cleartext;

  @Option(
      names = "--audit-file",
      paramLabel = "FILE",
      description =
          "Audit journal of refused calls (default: audit/discovery.jsonl in the state directory,"
              + " else signet-discovery-audit.jsonl).")
  private @Nullable Path auditFile;

  @Mixin private MemberOptions member = new MemberOptions();
  @Mixin private ClusterOptions cluster = new ClusterOptions();
  @Mixin private AdminOptions admin = new AdminOptions();

  @Override
  public Integer call() throws Exception {
    member.requireComplete(cleartext);
    Clock clock = Clock.systemUTC();
    Closing parts = new Closing();
    try {
      ClusterSettings settings = cluster.settings(member.names());
      ClusterSource source = parts.add(DirectorySource.open(manifests, cluster.defaultNamespace()));
      Journal journal = parts.add(Journal.open(JournalConfig.of(auditFile()), clock));
      ControlLoops loops = parts.add(ControlLoops.start(1, journal, clock));
      ServerMeters meters = admin.meters("signet-discovery", parts, loops);
      DiscoveryServer server =
          parts.add(
              DiscoveryServer.start(
                  new DiscoveryServer.Config(
                      listen,
                      member.security(
                          cleartext, settings.names().discoveryServer(), parts, loops, clock),
                      settings.discovery(),
                      meters),
                  source,
                  loops));
      log.info("discovery listens on {}", ListenAddress.text(server.address()));
      admin.serve(meters, admin.listen(listen, AdminOptions.DISCOVERY_PORT), parts);
    } catch (Exception e) {
      parts.close();
      throw CommandFailure.starting("discovery", e);
    }
    return Foreground.serve(parts);
  }

  private Path auditFile() {
    return auditFile != null
        ? auditFile
        : member
            .state()
            .map(state -> state.resolve("audit").resolve("discovery.jsonl"))
            .orElse(Path.of("signet-discovery-audit.jsonl"));
  }
}

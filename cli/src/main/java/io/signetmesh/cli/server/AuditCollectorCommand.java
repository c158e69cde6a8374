package io.signetmesh.cli.server;

import io.signetmesh.audit.Journal;
import io.signetmesh.audit.JournalConfig;
import io.signetmesh.cli.command.CommandFailure;
import io.signetmesh.cli.command.ExitCode;
import io.signetmesh.cli.command.LoggingOptions;
import io.signetmesh.cli.command.MemberOptions;
import io.signetmesh.cli.controlplane.Closing;
import io.signetmesh.cli.controlplane.ClusterRights;
import io.signetmesh.cli.controlplane.CollectorSettings;
import io.signetmesh.cli.host.ListenAddress;
import io.signetmesh.cli.host.MeshNames;
import io.signetmesh.cluster.ClusterSource;
import io.signetmesh.cluster.DirectorySource;
import io.signetmesh.collector.CollectorServer;
import io.signetmesh.collector.ingest.NamespaceRights;
import io.signetmesh.collector.ingest.WriterRights;
import io.signetmesh.collector.log.CollectorLog;
import io.signetmesh.discovery.topology.ClusterTopology;
import io.signetmesh.identity.admin.ServerMeters;
import io.signetmesh.identity.channel.ControlLoops;
import java.io.PrintWriter;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code signet audit collector}. */
@Command(
    name = "collector",
    description = {
      "Runs the audit collector: takes the audit records of proxies and of the control plane, and"
          + " keeps them in a transparency log.",
      "Every caller with an identity of the mesh may deliver. Records about workloads that are not"
          + " the caller's are kept and marked."
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
      "  signet audit collector --state /var/lib/signet --manifests /etc/signet",
      "  signet audit collector --listen 10.0.0.5:8092 --directory /var/lib/signet-audit \\",
      "      --identity-addr 10.0.0.5:8080 --trust-anchors anchors.pem --token-file token",
      "  signet audit collector --state /var/lib/signet --show-key"
    })
public final class AuditCollectorCommand implements Callable<Integer> {
  private static final Logger log = LoggerFactory.getLogger(AuditCollectorCommand.class);

  @Spec private CommandSpec spec = CommandSpec.create();
  @Mixin private LoggingOptions logging = new LoggingOptions();
  @Mixin private ListenOptions listen = new ListenOptions();

  @Option(
      names = "--directory",
      paramLabel = "DIR",
      description =
          "Directory of the log and its key (default: audit in the state directory, else"
              + " signet-audit).")
  private @Nullable Path directory;

  @Option(
      names = "--show-key",
      description = "Print the verifier key of the log, with which others verify it, and end.")
  private boolean showKey;

  @Mixin private CollectorOptions collector = new CollectorOptions();

  @Option(
      names = "--manifests",
      paramLabel = "DIR",
      description = {
        "Directory with the manifests of the mesh, watched for changes: whose workloads a caller"
            + " speaks for, a node for those placed on it (default: a caller speaks for the"
            + " workloads of its namespace, a node for none)."
      })
  private @Nullable Path manifests;

  @Option(
      names = "--audit-file",
      paramLabel = "FILE",
      description =
          "Audit journal of the collector's own acts (default: collector.jsonl beside the log).")
  private @Nullable Path auditFile;

  @Mixin private MemberOptions member = new MemberOptions();
  @Mixin private AdminOptions admin = new AdminOptions();

  @Override
  public Integer call() throws Exception {
    Path place =
        directory != null
            ? directory
            : member.state().map(state -> state.resolve("audit")).orElse(Path.of("signet-audit"));
    if (showKey) {
      return show(place);
    }
    Clock clock = Clock.systemUTC();
    Closing parts = new Closing();
    try {
      InetSocketAddress address = listen.address(CollectorServer.DEFAULT_PORT);
      member.requireComplete(listen.cleartext());
      MeshNames names = member.names();
      CollectorSettings settings = collector.settings(place, names, Long.MAX_VALUE);
      Path file = auditFile == null ? place.resolve("collector.jsonl") : auditFile;
      Journal journal = parts.add(Journal.open(JournalConfig.of(file), clock));
      ControlLoops loops = parts.add(ControlLoops.start(1, journal, clock));
      ServerMeters meters = admin.meters("signet-audit", parts, loops);
      CollectorServer server =
          parts.add(
              CollectorServer.start(
                  new CollectorServer.Config(
                      address,
                      member.security(
                          listen.cleartext(), names.auditCollector(), parts, loops, clock),
                      settings.directory(),
                      settings.origin(),
                      settings.fsync(),
                      settings.retention(),
                      settings.writerRate(),
                      settings.witness(),
                      settings.kafka(),
                      settings.hasIndex(),
                      rights(names, parts, clock),
                      meters),
                  loops,
                  clock));
      log.info(
          "the audit collector listens on {}, log {} has {} entries",
          ListenAddress.text(server.address()),
          server.log().key().name(),
          server.log().checkpoint().size());
      admin.serve(
          meters,
          admin.listen(address, AdminOptions.COLLECTOR_PORT),
          server::isReady,
          Map.of(),
          parts);
    } catch (Exception e) {
      parts.close();
      throw CommandFailure.starting("the audit collector", e);
    }
    return Foreground.serve(parts);
  }

  private WriterRights rights(MeshNames names, Closing parts, Clock clock) throws Exception {
    if (manifests == null) {
      return new NamespaceRights(names.controlPlaneNamespace(), names.trustDomain());
    }
    ClusterSource source = parts.add(DirectorySource.open(manifests, null));
    return new ClusterRights(names, parts.add(new ClusterTopology(source)), clock);
  }

  private int show(Path place) throws Exception {
    Path key = place.resolve(CollectorLog.VERIFIER_KEY);
    if (!Files.exists(key)) {
      throw CommandFailure.configuration(
          key + " does not exist: expected the key of a log; a collector makes it when it starts");
    }
    PrintWriter out = spec.commandLine().getOut();
    out.print(Files.readString(key));
    out.flush();
    return ExitCode.OK;
  }
}

package io.signetmesh.cli.server;

import io.signetmesh.audit.Journal;
import io.signetmesh.audit.JournalConfig;
import io.signetmesh.cli.agent.EntryFile;
import io.signetmesh.cli.agent.EntryFile.InvalidEntriesException;
import io.signetmesh.cli.agent.EntryReload;
import io.signetmesh.cli.command.AddressOptions;
import io.signetmesh.cli.command.CommandFailure;
import io.signetmesh.cli.command.ExitCode;
import io.signetmesh.cli.command.LoggingOptions;
import io.signetmesh.cli.controlplane.Closing;
import io.signetmesh.cli.controlplane.ControlPlaneFile;
import io.signetmesh.cli.controlplane.TokenFiles;
import io.signetmesh.cli.host.ControlPlane;
import io.signetmesh.cli.host.MeshNames;
import io.signetmesh.identity.admin.ServerMeters;
import io.signetmesh.identity.attest.WorkloadTokens;
import io.signetmesh.identity.ca.TrustBundleStore;
import io.signetmesh.identity.channel.ControlChannel;
import io.signetmesh.identity.channel.ControlLoops;
import io.signetmesh.identity.pki.Certificates;
import io.signetmesh.identity.pki.PkiException;
import io.signetmesh.identity.pki.TrustBundle;
import io.signetmesh.identity.spiffe.AgentIdentities;
import io.signetmesh.identity.spiffe.WorkloadApi;
import io.signetmesh.identity.workload.IdentityClient;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code signet identity agent}. */
@Command(
    name = "agent",
    description = {
      "Serves the SPIFFE Workload API to the processes of this host: X.509-SVIDs, JWT-SVIDs and"
          + " trust bundles, by user, group and executable of the process that asks.",
      "Workloads find it by the environment variable SPIFFE_ENDPOINT_SOCKET=unix:PATH."
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
      "Example:",
      "  signet identity agent --config entries.yaml --socket /run/signet/workload.sock \\",
      "      --identity-addr 10.0.0.5:8080 --trust-anchors anchors.pem"
    })
public final class IdentityAgentCommand implements Callable<Integer> {
  private static final Logger log = LoggerFactory.getLogger(IdentityAgentCommand.class);

  @Spec private CommandSpec spec = CommandSpec.create();
  @Mixin private LoggingOptions logging = new LoggingOptions();

  @Option(
      names = "--config",
      required = true,
      paramLabel = "FILE",
      description =
          "YAML or JSON: which processes have which identity. Changes come into force within"
              + " seconds.")
  private Path config = Path.of("");

  @Option(
      names = "--socket",
      required = true,
      paramLabel = "PATH",
      description =
          "Unix socket to serve on. Nobody but root and this user may be able to write to its"
              + " directory.")
  private Path socket = Path.of("");

  @Option(
      names = "--state",
      paramLabel = "DIR",
      description =
          "State directory of the mesh's control plane, when it is on this host: addresses, trust"
              + " anchors and tokens are taken from there.")
  private @Nullable Path state;

  @Option(
      names = "--identity-addr",
      paramLabel = "IP:PORT",
      converter = AddressOptions.Converter.class,
      description = "Where the identity server is; not needed with --state.")
  private @Nullable InetSocketAddress identity;

  @Option(
      names = "--trust-anchors",
      paramLabel = "FILE",
      description = "PEM of the mesh's trust anchors; not needed with --state.")
  private @Nullable Path anchors;

  @Option(
      names = "--control-plane-namespace",
      paramLabel = "NAME",
      description = "Part of every identity (default: as in the state directory, else linkerd).")
  private @Nullable String controlPlaneNamespace;

  @Option(
      names = "--trust-domain",
      paramLabel = "NAME",
      description =
          "Part of every identity (default: as in the state directory, else cluster.local).")
  private @Nullable String trustDomain;

  @Option(
      names = "--audit-file",
      paramLabel = "FILE",
      description =
          "Audit journal (default: audit/identity-agent.jsonl in the state directory, else"
              + " signet-identity-agent-audit.jsonl).")
  private @Nullable Path auditFile;

  @Mixin private AdminOptions admin = new AdminOptions();

  @Override
  public Integer call() throws Exception {
    if (state == null && (identity == null || anchors == null)) {
      throw new ParameterException(
          spec.commandLine(), "expected --state, or --identity-addr and --trust-anchors");
    }
    Clock clock = Clock.systemUTC();
    Closing parts = new Closing();
    try {
      serve(parts, clock);
    } catch (InvalidEntriesException e) {
      parts.close();
      throw CommandFailure.configuration(String.valueOf(e.getMessage()), e);
    } catch (IOException | PkiException | RuntimeException | CommandFailure e) {
      parts.close();
      throw CommandFailure.starting("the identity agent", e);
    }
    return Foreground.serve(parts);
  }

  private void serve(Closing parts, Clock clock) throws Exception {
    ControlPlaneFile known = state == null ? null : ControlPlaneFile.read(state).orElse(null);
    MeshNames names = names(known == null ? MeshNames.DEFAULT : known.names());
    InetSocketAddress server = server(known);
    EntryFile.TokenSource tokens = null;
    TrustBundle bundle;
    if (state != null) {
      Path directory = state.toAbsolutePath();
      if (!Files.exists(directory.resolve(TrustBundleStore.FILE))) {
        throw CommandFailure.configuration(
            directory
                + " is no state directory of a mesh (there is no trust-bundle.json): expected the"
                + " directory that 'signet up' or 'signet identity' was started with");
      }
      TokenFiles files =
          parts.add(
              new TokenFiles(
                  directory.resolve("agent-tokens"),
                  WorkloadTokens.open(
                      directory, names.controlPlaneNamespace(), names.trustDomain(), clock)));
      Map<String, Path> issued = new ConcurrentHashMap<>();
      tokens =
          (namespace, account) -> {
            String holder = namespace + "." + account;
            Path file = issued.get(holder);
            if (file == null) {
              file = files.issue(holder, namespace, account);
              issued.put(holder, file);
            }
            return file;
          };
      bundle =
          TrustBundleStore.open(directory, names.trustDomain(), List.of()).get().withVersion(0);
    } else {
      bundle = anchors(names);
    }
    if (anchors != null) {
      bundle = anchors(names);
    }
    Journal journal = parts.add(Journal.open(JournalConfig.of(auditFile()), clock));
    ControlLoops loops = parts.add(ControlLoops.start(1, journal, clock));
    ServerMeters meters = admin.meters("signet-identity-agent", parts, loops);
    TrustBundle trusted = bundle;
    AgentIdentities identities =
        parts.add(
            new AgentIdentities(
                entry ->
                    IdentityClient.start(
                        IdentityClient.Config.of(
                            entry.identity().dnsName(),
                            entry.tokenFile(),
                            trusted,
                            new ControlChannel.Address(
                                server.getAddress().getHostAddress(), server.getPort()),
                            names.identityServer().dnsName()),
                        loops,
                        clock)));
    parts.add(
        EntryReload.start(
            config, new EntryFile(config, names, tokens), identities, journal, clock));
    WorkloadApi api =
        parts.add(WorkloadApi.start(socket, identities, loops, journal, meters, clock));
    log.info("SPIFFE Workload API listens on unix:{}", api.socket());
    admin.serve(
        meters,
        admin.listen(
            new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), AdminOptions.AGENT_PORT),
        parts);
  }

  private MeshNames names(MeshNames known) {
    return new MeshNames(
        controlPlaneNamespace == null ? known.controlPlaneNamespace() : controlPlaneNamespace,
        trustDomain == null ? known.trustDomain() : trustDomain);
  }

  private InetSocketAddress server(@Nullable ControlPlaneFile known) {
    if (identity != null) {
      return identity;
    }
    return known == null
        ? new InetSocketAddress(InetAddress.getLoopbackAddress(), ControlPlane.IDENTITY_PORT)
        : known.servers().identity();
  }

  private TrustBundle anchors(MeshNames names) throws IOException, PkiException {
    if (anchors == null) {
      throw new IllegalStateException("the options are complete");
    }
    return new TrustBundle(0, names.trustDomain(), Certificates.readPem(anchors));
  }

  private Path auditFile() {
    if (auditFile != null) {
      return auditFile;
    }
    return state == null
        ? Path.of("signet-identity-agent-audit.jsonl")
        : state.toAbsolutePath().resolve("audit").resolve("identity-agent.jsonl");
  }
}

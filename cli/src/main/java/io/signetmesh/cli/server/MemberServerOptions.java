package io.signetmesh.cli.server;

import io.signetmesh.audit.Journal;
import io.signetmesh.audit.JournalConfig;
import io.signetmesh.cli.command.ClusterOptions;
import io.signetmesh.cli.command.MemberOptions;
import io.signetmesh.cli.controlplane.Closing;
import io.signetmesh.cli.controlplane.ClusterSettings;
import io.signetmesh.cluster.ClusterSource;
import io.signetmesh.cluster.DirectorySource;
import io.signetmesh.identity.admin.ServerMeters;
import io.signetmesh.identity.channel.ControlLoops;
import io.signetmesh.identity.channel.ControlServer.Security;
import io.signetmesh.identity.pki.Credentials;
import io.signetmesh.identity.pki.WorkloadIdentity;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.time.Clock;
import java.util.Optional;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/**
 * What the policy controller and discovery have in common: they read manifests, and have their
 * certificate from the identity server.
 */
final class MemberServerOptions {
  @Mixin private ListenOptions listen = new ListenOptions();

  @Option(
      names = "--audit-file",
      paramLabel = "FILE",
      description =
          "Audit journal (default: audit/SERVER.jsonl in the state directory, else"
              + " signet-SERVER-audit.jsonl; SERVER is policy or discovery).")
  private @Nullable Path auditFile;

  @Mixin private DeliveryOptions delivery = new DeliveryOptions();
  @Mixin private MemberOptions member = new MemberOptions();
  @Mixin private ClusterOptions cluster = new ClusterOptions();
  @Mixin private AdminOptions admin = new AdminOptions();

  /**
   * What a server is made from.
   *
   * @param listen where it listens
   * @param settings what policy and discovery agree on
   * @param source the manifests
   * @param journal its audit journal
   * @param loops its threads
   * @param meters where its metrics go
   */
  record Resources(
      InetSocketAddress listen,
      ClusterSettings settings,
      ClusterSource source,
      Journal journal,
      ControlLoops loops,
      ServerMeters meters) {}

  /**
   * Checks the options, then opens what a server is made from.
   *
   * @param server {@code policy} or {@code discovery}
   * @param port to listen at when no address is given
   * @param parts takes what has to be closed in the end
   */
  Resources open(String server, int port, Path manifests, Closing parts, Clock clock)
      throws Exception {
    InetSocketAddress address = listen.address(port);
    member.requireComplete(listen.cleartext());
    delivery.requireIdentity(listen.cleartext());
    ClusterSettings settings = cluster.settings(member.names());
    ClusterSource source = parts.add(DirectorySource.open(manifests, cluster.defaultNamespace()));
    Journal journal = parts.add(Journal.open(JournalConfig.of(auditFile(server)), clock));
    ControlLoops loops = parts.add(ControlLoops.start(1, journal, clock));
    ServerMeters meters = admin.meters("signet-" + server, parts, loops);
    return new Resources(address, settings, source, journal, loops, meters);
  }

  /**
   * How a server protects its connections. Waits for its certificate, and delivers the journal
   * under it from then on.
   *
   * @param parts takes what has to be closed in the end
   */
  Security security(WorkloadIdentity who, Resources resources, Closing parts, Clock clock)
      throws Exception {
    Security security = member.security(listen.cleartext(), who, parts, resources.loops(), clock);
    if (security instanceof Security.MutualTls(Supplier<Credentials> own, _, _)) {
      delivery.start(
          resources.journal(),
          resources.settings().names(),
          own,
          resources.loops(),
          resources.meters(),
          parts,
          clock);
    }
    return security;
  }

  /**
   * Serves the metrics of a server that is ready.
   *
   * @param port when no address is given
   * @param parts takes what has to be closed in the end
   */
  void serveMetrics(Resources resources, int port, Closing parts) throws Exception {
    admin.serve(resources.meters(), admin.listen(resources.listen(), port), parts);
  }

  /** The state directory, where one is given. */
  Optional<Path> state() {
    return member.state();
  }

  private Path auditFile(String server) {
    return auditFile != null
        ? auditFile
        : member
            .state()
            .map(state -> state.resolve("audit").resolve(server + ".jsonl"))
            .orElse(Path.of("signet-" + server + "-audit.jsonl"));
  }
}

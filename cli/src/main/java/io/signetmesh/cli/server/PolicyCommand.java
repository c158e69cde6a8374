package io.signetmesh.cli.server;

import io.signetmesh.cli.command.CommandFailure;
import io.signetmesh.cli.command.ExitCode;
import io.signetmesh.cli.command.LoggingOptions;
import io.signetmesh.cli.controlplane.Closing;
import io.signetmesh.cli.controlplane.ClusterSettings;
import io.signetmesh.cli.host.ControlPlane;
import io.signetmesh.cli.host.ListenAddress;
import io.signetmesh.cli.policy.PolicyExplainCommand;
import io.signetmesh.cli.policy.PolicyMatrixCommand;
import io.signetmesh.cli.policy.PolicyStatusCommand;
import io.signetmesh.cli.policy.PolicyTestCommand;
import io.signetmesh.cli.policy.PolicyValidateCommand;
import io.signetmesh.discovery.outbound.OutboundPolicyService;
import io.signetmesh.discovery.topology.ClusterTopology;
import io.signetmesh.policy.PolicyServer;
import java.nio.file.Path;
import java.time.Clock;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code signet policy}. */
@Command(
    name = "policy",
    description = {
      "Runs the policy controller: works out who may call which port of which workload, and streams"
          + " it to the proxies.",
      "'signet policy status' asks a running controller what the proxies enforce; 'validate',"
          + " 'explain', 'test' and 'matrix' tell what manifests do before they are applied."
    },
    mixinStandardHelpOptions = true,
    sortOptions = false,
    subcommands = {
      PolicyStatusCommand.class,
      PolicyValidateCommand.class,
      PolicyExplainCommand.class,
      PolicyTestCommand.class,
      PolicyMatrixCommand.class
    },
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
      "  signet policy --manifests /etc/signet --state /var/lib/signet",
      "  signet policy --manifests /etc/signet --listen 10.0.0.5:8090 \\",
      "      --identity-addr 10.0.0.5:8080 --trust-anchors anchors.pem --token-file token",
      "  signet policy status --state /var/lib/signet --wait 5s"
    })
public final class PolicyCommand implements Callable<Integer> {
  private static final Logger log = LoggerFactory.getLogger(PolicyCommand.class);

  @Spec private CommandSpec spec = CommandSpec.create();
  @Mixin private LoggingOptions logging = new LoggingOptions();

  @Option(
      names = "--manifests",
      paramLabel = "DIR",
      description = "Directory with the manifests of the mesh, watched for changes. Needed.")
  private @Nullable Path manifests;

  @Mixin private MemberServerOptions server = new MemberServerOptions();
  @Mixin private FetchOptions fetches = new FetchOptions();

  @Override
  public Integer call() throws Exception {
    Path directory = manifests;
    if (directory == null) {
      throw new ParameterException(
          spec.commandLine(), "expected --manifests DIR, or the command 'status'");
    }
    Clock clock = Clock.systemUTC();
    Closing parts = new Closing();
    try {
      MemberServerOptions.Resources resources =
          server.open("policy", ControlPlane.POLICY_PORT, directory, parts, clock);
      ClusterSettings settings = resources.settings();
      ClusterTopology topology = parts.add(new ClusterTopology(resources.source()));
      OutboundPolicyService outbound =
          parts.add(new OutboundPolicyService(settings.discovery(), topology));
      PolicyServer policy =
          parts.add(
              PolicyServer.start(
                  new PolicyServer.Config(
                      resources.listen(),
                      server.security(settings.names().policyServer(), resources, parts, clock),
                      settings.policy(),
                      fetches.settings(server.state().orElse(null)),
                      resources.meters()),
                  resources.source(),
                  List.of(outbound),
                  resources.loops(),
                  resources.journal(),
                  clock));
      log.info("policy controller listens on {}", ListenAddress.text(policy.address()));
      server.serveMetrics(resources, AdminOptions.POLICY_PORT, parts);
    } catch (Exception e) {
      parts.close();
      throw CommandFailure.starting("the policy controller", e);
    }
    return Foreground.serve(parts);
  }
}

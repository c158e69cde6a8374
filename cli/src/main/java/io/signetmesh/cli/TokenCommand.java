package io.signetmesh.cli;

import io.signetmesh.cli.command.ExitCode;
import io.signetmesh.cli.command.LoggingOptions;
import io.signetmesh.cli.command.MeshOptions;
import io.signetmesh.cli.command.StateDirectory;
import io.signetmesh.identity.attest.WorkloadTokens;
import io.signetmesh.identity.node.NodeIdentity;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code signet token}. */
@Command(
    name = "token",
    description = {
      "Issues a workload token for a service account, or for a node.",
      "Whoever holds the token can have a certificate of that name until the token expires."
    },
    mixinStandardHelpOptions = true,
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      ExitCode.OK_HELP,
      ExitCode.USAGE_HELP,
      ExitCode.CONFIGURATION_HELP,
      ExitCode.INTERNAL_HELP
    },
    footer = {
      "",
      "Examples:",
      "  signet token shop/frontend --state /var/lib/signet --file /run/frontend/token",
      "  signet token shop/frontend --state /var/lib/signet --lifetime 1h",
      "  signet token --node n1 --state /var/lib/signet --file /run/signet/node-token"
    })
final class TokenCommand implements Callable<Integer> {
  @Spec private CommandSpec spec = CommandSpec.create();
  @Mixin private LoggingOptions logging = LoggingOptions.quiet();
  @Mixin private MeshOptions mesh = new MeshOptions();

  @Parameters(
      arity = "0..1",
      paramLabel = "NAMESPACE/SERVICE-ACCOUNT",
      description = "Who the token is for.")
  private @Nullable String workload;

  @Option(
      names = "--node",
      paramLabel = "NODE",
      description = "Name of the node that the token is for, as in spec.nodeName of its pods.")
  private @Nullable String node;

  @Option(
      names = "--lifetime",
      paramLabel = "DURATION",
      defaultValue = "24h",
      converter = StateDirectory.Durations.class,
      description = "How long the token is good for (default: ${DEFAULT-VALUE}; at most 365d).")
  private Duration lifetime = Duration.ofDays(1);

  @Option(
      names = "--file",
      paramLabel = "FILE",
      description = "Write it to a file that only its owner can read, not to standard output.")
  private @Nullable Path file;

  @Override
  public Integer call() throws Exception {
    String[] parts = holder();
    WorkloadTokens tokens = mesh.tokens(Clock.systemUTC());
    try {
      if (file == null) {
        PrintWriter out = spec.commandLine().getOut();
        out.println(tokens.issue(parts[0], parts[1], lifetime));
        out.flush();
      } else {
        tokens.issueTo(file, parts[0], parts[1], lifetime);
      }
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), String.valueOf(e.getMessage()), e);
    }
    return ExitCode.OK;
  }

  /** Namespace and service account. */
  private String[] holder() {
    String ofWorkload = workload;
    String ofNode = node;
    if ((ofWorkload == null) == (ofNode == null)) {
      throw new ParameterException(
          spec.commandLine(), "expected either NAMESPACE/SERVICE-ACCOUNT or --node");
    }
    if (ofNode != null) {
      try {
        return new String[] {mesh.controlPlaneNamespace(), NodeIdentity.serviceAccount(ofNode)};
      } catch (IllegalArgumentException e) {
        throw new ParameterException(
            spec.commandLine(), "--node: " + String.valueOf(e.getMessage()), e);
      }
    }
    String[] parts = String.valueOf(ofWorkload).split("/", -1);
    if (parts.length != 2) {
      throw new ParameterException(
          spec.commandLine(),
          "'" + ofWorkload + "' names no service account: expected namespace/name");
    }
    return parts;
  }
}

package io.signetmesh.cli.policy;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.grpc.StatusRuntimeException;
import io.signetmesh.cli.command.AddressOptions;
import io.signetmesh.cli.command.CommandFailure;
import io.signetmesh.cli.command.ExitCode;
import io.signetmesh.cli.command.LoggingOptions;
import io.signetmesh.cli.command.MemberOptions;
import io.signetmesh.cli.command.StateDirectory;
import io.signetmesh.cli.controlplane.EnforcementTable;
import io.signetmesh.cli.host.ListenAddress;
import io.signetmesh.cli.text.PlainWriter;
import io.signetmesh.v1.EnforcementStatus;
import java.io.PrintWriter;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code signet policy status}. */
@Command(
    name = "status",
    description = {
      "Shows for each policy object how many of the proxies that it affects have it in force, which"
          + " ones are behind, and what is wrong with the manifests and the policy objects.",
      "An object that is in force nowhere is shown with the reason: 'no port' when it affects no"
          + " port of any workload, 'no proxy' when no connected proxy watches a port that it affects."
    },
    mixinStandardHelpOptions = true,
    sortOptions = false,
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      "0:the newest policy is in force on every port of every connected proxy; objects without any"
          + " such port do not count",
      "1:it is not, or a manifest is not valid and stays as it was",
      "3:it is in force, but has an error: a policy object that does not do what it says",
      ExitCode.USAGE_HELP,
      ExitCode.CONFIGURATION_HELP,
      ExitCode.UNAVAILABLE_HELP,
      ExitCode.INTERNAL_HELP
    },
    footer = {
      "",
      "Examples:",
      "  signet policy status --state /tmp/signet",
      "  signet policy status --state /tmp/signet --wait 5s",
      "  signet policy status --state /tmp/signet --namespace shop --ports",
      "  signet policy status --state /tmp/signet --json"
    })
public final class PolicyStatusCommand implements Callable<Integer> {
  /** An edit that was made before the command is seen within this time. */
  private static final Duration STEADY = Duration.ofSeconds(1);

  @Spec private CommandSpec spec = CommandSpec.create();
  @Mixin private LoggingOptions logging = LoggingOptions.quiet();
  @Mixin private MemberOptions member = new MemberOptions();

  @Option(
      names = "--policy-addr",
      paramLabel = "IP:PORT",
      converter = AddressOptions.Converter.class,
      description = "Where the policy controller is (default: as in the state directory).")
  private @Nullable InetSocketAddress policy;

  @Option(
      names = {"-n", "--namespace"},
      paramLabel = "NAME",
      description = "Only workloads and policy objects of this namespace.")
  private String namespace = "";

  @Option(
      names = "--wait",
      paramLabel = "DURATION",
      converter = StateDirectory.Durations.class,
      description = {
        "Wait as long as this for the newest policy to be in force everywhere, and to stay so for a"
            + " second, within which an edit made just before is seen. Objects that affect no port"
            + " of a connected proxy are not waited for: they are in force nowhere, and shown so."
      })
  private Duration wait = Duration.ZERO;

  @Option(
      names = "--ports",
      description = "Show all ports of all proxies too, not only those that are behind.")
  private boolean ports;

  @Option(names = "--json", description = "Print JSON.")
  private boolean json;

  @Override
  public Integer call() throws Exception {
    EnforcementStatus status;
    try {
      status =
          EnforcementQuestion.ask(
              member, policy(), namespace, wait.isZero() ? Duration.ZERO : STEADY, wait);
    } catch (StatusRuntimeException e) {
      throw CommandFailure.unavailable(
          "the policy controller at "
              + ListenAddress.text(policy())
              + " did not answer: "
              + e.getStatus(),
          e);
    } catch (Exception e) {
      throw CommandFailure.starting("policy status", e);
    }
    PrintWriter out = new PlainWriter(spec.commandLine().getOut());
    if (json) {
      ObjectNode node = EnforcementTable.json(status);
      out.println(new ObjectMapper().writerWithDefaultPrettyPrinter().writeValueAsString(node));
    } else {
      EnforcementTable.print(status, ports, out);
    }
    out.flush();
    return exitCode(status);
  }

  /** Not in force weighs more than an error in what is in force; warnings weigh nothing. */
  static int exitCode(EnforcementStatus status) {
    if (!EnforcementTable.inForce(status) || status.getInvalidManifests() > 0) {
      return ExitCode.NEGATIVE;
    }
    return status.getPolicyErrors() > 0 ? ExitCode.IN_FORCE_WITH_ERRORS : ExitCode.OK;
  }

  private InetSocketAddress policy() throws CommandFailure {
    return policy == null ? member.servers().policy() : policy;
  }
}

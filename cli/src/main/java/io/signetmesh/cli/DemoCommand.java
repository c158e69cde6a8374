package io.signetmesh.cli;

import io.signetmesh.cli.command.CommandFailure;
import io.signetmesh.cli.command.ExitCode;
import io.signetmesh.cli.command.LoggingOptions;
import io.signetmesh.cli.demo.Demo;
import java.time.Clock;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code signet demo}. */
@Command(
    name = "demo",
    description = {
      "Shows the mesh at work, in a few seconds and without changing anything on this host.",
      "Starts a control plane, proxies and three services (HTTP/1.1, gRPC, TCP) as processes of"
          + " their own on loopback addresses, under the manifests in examples/quickstart; sends"
          + " real traffic as a workload that may call, as one that may not, and from outside the"
          + " mesh; edits the policy while traffic flows; and shows each verdict with the reason"
          + " from the audit records."
    },
    mixinStandardHelpOptions = true,
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      "0:every verdict was the expected one",
      "1:a verdict was not; logs and records are kept",
      ExitCode.USAGE_HELP,
      ExitCode.CONFIGURATION_HELP,
      ExitCode.UNAVAILABLE_HELP,
      ExitCode.INTERNAL_HELP,
      "130:ended by Ctrl-C"
    },
    footer = {
      "",
      "Examples:",
      "  signet demo",
      "  signet demo --keep",
      "  signet demo --json | jq '.verdicts[] | {client, service, verdict, reason: .record.reason}'"
    })
final class DemoCommand implements Callable<Integer> {
  @Spec private CommandSpec spec = CommandSpec.create();
  @Mixin private LoggingOptions logging = LoggingOptions.quiet();

  @Option(
      names = "--json",
      description = "Print the report as JSON; progress goes to standard error.")
  private boolean json;

  @Option(
      names = "--keep",
      description = "Leave everything running until Ctrl-C, and say what to try next.")
  private boolean keep;

  @Override
  public Integer call() throws Exception {
    Demo demo =
        new Demo(spec.commandLine().getOut(), spec.commandLine().getErr(), Clock.systemUTC());
    CountDownLatch never = new CountDownLatch(1);
    try {
      return demo.run(json, keep, never::await) ? ExitCode.OK : ExitCode.NEGATIVE;
    } catch (Exception e) {
      throw CommandFailure.starting("the demo", e);
    }
  }
}

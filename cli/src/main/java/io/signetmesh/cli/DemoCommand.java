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
          + " from the audit records.",
      "With --rotate it replaces the trust anchor (root certificate) of that mesh instead, while"
          + " requests go on, and shows for each phase the proof that it kept its promise."
    },
    mixinStandardHelpOptions = true,
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      "0:every verdict was the expected one; with --rotate: every proof holds",
      "1:a verdict was not, or a proof does not hold; logs and records are kept",
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
      "  signet demo --rotate",
      "  signet demo --json | jq '.verdicts[] | {client, service, verdict, reason: .record.reason}'"
    })
final class DemoCommand implements Callable<Integer> {
  @Spec private CommandSpec spec = CommandSpec.create();
  @Mixin private LoggingOptions logging = LoggingOptions.quiet();

  @Option(
      names = "--rotate",
      description =
          "Replace the trust anchor under traffic: who trusts and serves what in each phase, which"
              + " requests failed, what was restarted.")
  private boolean rotate;

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
      boolean good =
          rotate ? demo.rotate(json, keep, never::await) : demo.run(json, keep, never::await);
      return good ? ExitCode.OK : ExitCode.NEGATIVE;
    } catch (Exception e) {
      throw CommandFailure.starting("the demo", e);
    }
  }
}

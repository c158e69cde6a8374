package io.signetmesh.cli.audit;

import io.signetmesh.cli.command.ExitCode;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code signet audit report}. */
@Command(
    name = "report",
    description = {
      "Answers questions about a period by what a log says of it. Foreign records are left out, and"
          + " what is not in the log is told. What is read is not verified: 'signet audit verify'"
          + " does that."
    },
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "COMMAND",
    subcommands = {
      ReportStrictCommand.class,
      ReportUnusedCommand.class,
      ReportProposeCommand.class,
      ReportAccessCommand.class
    },
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {ExitCode.OK_HELP, ExitCode.USAGE_HELP},
    footer = {
      "",
      "Examples:",
      "  signet audit report strict --log /var/lib/signet/audit/log --since 30d",
      "  signet audit report unused --log /var/lib/signet/audit/log --since 90d -f manifests",
      "  signet audit report access --log /var/lib/signet/audit/log --identity 'web.shop.*'"
    })
final class AuditReportCommand implements Callable<Integer> {
  @Spec private CommandSpec spec = CommandSpec.create();

  @Override
  public Integer call() {
    throw new ParameterException(
        spec.commandLine(), "expected a command: strict, unused, propose or access");
  }
}

package io.signetmesh.cli.audit;

import io.signetmesh.cli.command.ExitCode;
import io.signetmesh.collector.report.AccessReport;
import io.signetmesh.collector.report.Period;
import io.signetmesh.collector.report.Report;
import java.io.IOException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;

/** {@code signet audit report access}. */
@Command(
    name = "access",
    description = "Tells what a client has called, and what came of it.",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      ExitCode.OK_HELP,
      ExitCode.USAGE_HELP,
      "64:the log cannot be read",
      ExitCode.INTERNAL_HELP
    },
    footer = {
      "",
      "Examples:",
      "  signet audit report access --log /var/lib/signet/audit/log --identity 'web.shop.*'",
      "  signet audit report access --log /var/lib/signet/audit/log --identity 10.1.0.0/16"
    })
final class ReportAccessCommand extends ReportCommand {
  @Option(
      names = "--identity",
      required = true,
      paramLabel = "CLIENT",
      description = "Identity, address or network of the client, or a pattern.")
  private String client = "";

  @Override
  Report report(Period asked) throws IOException {
    try {
      return AccessReport.of(asked, client);
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec().commandLine(), String.valueOf(e.getMessage()), e);
    }
  }
}

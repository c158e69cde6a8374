package io.signetmesh.cli.audit;

import io.signetmesh.cli.command.ExitCode;
import io.signetmesh.collector.report.Period;
import io.signetmesh.collector.report.Report;
import io.signetmesh.collector.report.StrictReport;
import io.signetmesh.collector.report.StrictReport.Requirement;
import java.io.IOException;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code signet audit report strict}. */
@Command(
    name = "strict",
    description = {
      "Tells which clients that are let in today would break if a Server, a namespace or everything"
          + " required mesh TLS, or let in only what an authorization allows: by identity or"
          + " address, with counts and when they were seen last."
    },
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
      "  signet audit report strict --log /var/lib/signet/audit/log --since 30d",
      "  signet audit report strict --log /var/lib/signet/audit/log --require tls -n shop \\",
      "      -o html > strict.html"
    })
final class ReportStrictCommand extends ReportCommand {
  @Option(
      names = "--require",
      paramLabel = "WHAT",
      description = "tls, authorization or both (default).")
  private Requirement required = Requirement.BOTH;

  @Option(
      names = "--server",
      paramLabel = "NAME",
      description = "Only ports of this Server: web, or a pattern.")
  private @Nullable String server;

  @Option(
      names = {"-n", "--namespace"},
      paramLabel = "NAME",
      description = "Only workloads of this namespace.")
  private @Nullable String namespace;

  @Override
  Report report(Period asked) throws IOException {
    return StrictReport.of(asked, required, server, namespace);
  }
}

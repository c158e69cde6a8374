package io.signetmesh.cli.audit;

import io.signetmesh.audit.tlog.MalformedLogException;
import io.signetmesh.cli.command.CommandFailure;
import io.signetmesh.cli.command.ExitCode;
import io.signetmesh.cli.command.LoggingOptions;
import io.signetmesh.cli.text.PlainWriter;
import io.signetmesh.collector.query.LogDirectory;
import io.signetmesh.collector.report.ProposedPolicy;
import java.io.IOException;
import java.io.PrintWriter;
import java.time.Clock;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code signet audit report propose}. */
@Command(
    name = "propose",
    description = {
      "Prints the smallest manifests that allow what was allowed in a period: for each Server, an"
          + " authorization of the identities that called it, and one of the addresses that called"
          + " it without an identity. To be reviewed: it allows who was there, not who should be."
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
      "  signet audit report propose --log /var/lib/signet/audit/log --since 30d > proposed.yaml",
      "  signet policy validate -f manifests -f proposed.yaml"
    })
final class ReportProposeCommand implements Callable<Integer> {
  @Spec private CommandSpec spec = CommandSpec.create();
  @Mixin private LoggingOptions logging = LoggingOptions.quiet();
  @Mixin private LogOptions log = new LogOptions();
  @Mixin private PeriodOptions period = new PeriodOptions();
  @Mixin private IndexOptions indexes = new IndexOptions();

  @Option(
      names = {"-n", "--namespace"},
      paramLabel = "NAME",
      description = "Only workloads of this namespace.")
  private @Nullable String namespace;

  @Override
  public Integer call() throws Exception {
    LogDirectory opened = log.open();
    PrintWriter out = new PlainWriter(spec.commandLine().getOut());
    String yaml;
    try (IndexOptions.Used index = indexes.open(opened, spec.commandLine().getErr());
        ProgressBar bar = ProgressBar.of(spec.commandLine().getErr(), "reading", opened.size())) {
      yaml =
          ProposedPolicy.of(period.of(opened, index.lookup(), Clock.systemUTC(), bar), namespace);
    } catch (MalformedLogException e) {
      throw CommandFailure.configuration(String.valueOf(e.getMessage()), e);
    } catch (IOException e) {
      throw CommandFailure.configuration("the log cannot be read: " + e, e);
    }
    out.print(yaml);
    out.flush();
    return ExitCode.OK;
  }
}

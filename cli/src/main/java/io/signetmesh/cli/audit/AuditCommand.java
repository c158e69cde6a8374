package io.signetmesh.cli.audit;

import io.signetmesh.cli.command.ExitCode;
import io.signetmesh.cli.server.AuditCollectorCommand;
import io.signetmesh.cli.server.AuditWitnessCommand;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code signet audit}. */
@Command(
    name = "audit",
    description = {
      "Collects audit records in a log, and works with it: a transparency log in a"
          + " directory, in the formats of c2sp.org/tlog-tiles and c2sp.org/tlog-checkpoint."
    },
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "COMMAND",
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {ExitCode.OK_HELP, ExitCode.USAGE_HELP},
    footer = {
      "",
      "Examples:",
      "  signet audit collector --state /var/lib/signet",
      "  signet audit verify --log /var/lib/signet/audit/log --key collector.vkey"
    })
public final class AuditCommand implements Callable<Integer> {
  @Spec private CommandSpec spec = CommandSpec.create();

  private AuditCommand() {}

  /** The command with its subcommands. */
  public static CommandLine commandLine() {
    return new CommandLine(new AuditCommand())
        .addSubcommand(new AuditCollectorCommand())
        .addSubcommand(new AuditWitnessCommand())
        .addSubcommand(new AuditVerifyCommand())
        .addSubcommand(new AuditQueryCommand())
        .addSubcommand(new AuditTailCommand())
        .addSubcommand(new AuditIndexCommand())
        .addSubcommand(new AuditExportCommand())
        .addSubcommand(new AuditReportCommand());
  }

  @Override
  public Integer call() {
    throw new ParameterException(
        spec.commandLine(),
        "expected a command: " + String.join(", ", spec.commandLine().getSubcommands().keySet()));
  }
}

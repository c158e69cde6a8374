package io.signetmesh.cli.trust;

import io.signetmesh.cli.command.ExitCode;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code signet trust}. */
@Command(
    name = "trust",
    description = {
      "Shows and replaces the trust anchors of the mesh while everything runs.",
      "A rotation is carried out by the identity server: it goes on when the command ends, and after"
          + " a crash. The commands are run on the host of the identity server, as its user or root."
    },
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "COMMAND",
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {ExitCode.OK_HELP, ExitCode.USAGE_HELP},
    footer = {
      "",
      "Examples:",
      "  signet trust status --state /var/lib/signet",
      "  signet trust rotate --state /var/lib/signet --plan",
      "  signet trust rotate --state /var/lib/signet --reason 'yearly rotation'"
    })
public final class TrustCommand implements Callable<Integer> {
  @Spec private CommandSpec spec = CommandSpec.create();

  private TrustCommand() {}

  /** The command with its subcommands. */
  public static CommandLine commandLine() {
    return commandLine(new TrustConsole.OfProcess());
  }

  /** The same, for another caller than this process's. */
  static CommandLine commandLine(TrustConsole console) {
    return new CommandLine(new TrustCommand())
        .addSubcommand(new TrustStatusCommand(console))
        .addSubcommand(new TrustRotateCommand(console))
        .addSubcommand(new TrustResumeCommand(console))
        .addSubcommand(new TrustAbortCommand(console))
        .addSubcommand(new TrustRetireCommand(console))
        .addSubcommand(new TrustWaiveCommand(console))
        .addSubcommand(new TrustHistoryCommand(console))
        .addSubcommand(new TrustVerifyCommand(console));
  }

  @Override
  public Integer call() {
    throw new ParameterException(
        spec.commandLine(),
        "expected a command: status, rotate, resume, abort, retire, waive, history or verify");
  }
}

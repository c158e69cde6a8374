package io.signetmesh.cli.identity;

import io.signetmesh.cli.command.ExitCode;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code signet identity ca}. */
@Command(
    name = "ca",
    description = "Makes, shows and checks the certificate authority: issuer and trust anchors.",
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "COMMAND",
    subcommands = {
      IdentityCaInitCommand.class,
      IdentityCaShowCommand.class,
      IdentityCaCheckCommand.class
    },
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {ExitCode.OK_HELP, ExitCode.USAGE_HELP},
    footer = {
      "",
      "Examples:",
      "  signet identity ca init --state /var/lib/signet",
      "  signet identity ca show --state /var/lib/signet",
      "  signet identity ca check --state /var/lib/signet"
    })
public final class IdentityCaCommand implements Callable<Integer> {
  @Spec private CommandSpec spec = CommandSpec.create();

  @Override
  public Integer call() {
    throw new ParameterException(
        spec.commandLine(), "expected the command 'init', 'show' or 'check'");
  }
}

package io.signetmesh.cli.identity;

import io.signetmesh.cli.command.ExitCode;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code signet identity federation}. */
@Command(
    name = "federation",
    description = "Tells about federation with foreign trust domains.",
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "COMMAND",
    subcommands = IdentityFederationStatusCommand.class,
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {ExitCode.OK_HELP, ExitCode.USAGE_HELP},
    footer = {"", "Examples:", "  signet identity federation status --state /var/lib/signet"})
public final class IdentityFederationCommand implements Callable<Integer> {
  @Spec private CommandSpec spec = CommandSpec.create();

  @Override
  public Integer call() {
    throw new ParameterException(spec.commandLine(), "expected the command 'status'");
  }
}

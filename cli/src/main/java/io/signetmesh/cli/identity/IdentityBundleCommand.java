package io.signetmesh.cli.identity;

import io.signetmesh.cli.command.ExitCode;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code signet identity bundle}. */
@Command(
    name = "bundle",
    description = "Shows trust bundles: of the own trust domain and of federated ones.",
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "COMMAND",
    subcommands = IdentityBundleShowCommand.class,
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {ExitCode.OK_HELP, ExitCode.USAGE_HELP},
    footer = {
      "",
      "Examples:",
      "  signet identity bundle show --state /var/lib/signet -o spiffe > ours.json"
    })
public final class IdentityBundleCommand implements Callable<Integer> {
  @Spec private CommandSpec spec = CommandSpec.create();

  @Override
  public Integer call() {
    throw new ParameterException(spec.commandLine(), "expected the command 'show'");
  }
}

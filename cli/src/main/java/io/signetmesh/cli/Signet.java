package io.signetmesh.cli;

import io.signetmesh.cli.process.SignetProcess;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.Spec;

/** The {@code signet} command. */
@Command(
    name = "signet",
    description = "A policy-first zero-trust security mesh.",
    mixinStandardHelpOptions = true,
    versionProvider = VersionCommand.Provider.class,
    synopsisSubcommandLabel = "COMMAND",
    subcommands = {
      DemoCommand.class,
      UpCommand.class,
      IdentityCommand.class,
      PolicyCommand.class,
      DiscoveryCommand.class,
      ProxyCommand.class,
      TokenCommand.class,
      CompletionCommand.class,
      VersionCommand.class,
      DemoServiceCommand.class,
      TrainCommand.class,
    },
    footer = {
      "",
      "Examples:",
      "  signet demo                                      see the mesh decide, in a few seconds",
      "  signet up --manifests examples/quickstart --state /tmp/signet",
      "  signet policy status --state /tmp/signet         who enforces which policy",
      "",
      "'signet COMMAND --help' tells more about each command."
    })
public final class Signet implements Callable<Integer> {
  @Spec private CommandSpec spec = CommandSpec.create();

  private Signet() {}

  /** Runs a command line and exits with its code. */
  public static void main(String[] args) {
    SignetProcess.leaveWithParent();
    System.exit(execute(args));
  }

  static int execute(String... args) {
    return commandLine().execute(args);
  }

  private static int run(ParseResult result) {
    ParseResult last = result;
    while (last.hasSubcommand()) {
      last = last.subcommand();
    }
    logging(last.commandSpec()).apply();
    return new CommandLine.RunLast().execute(result);
  }

  /** The logging options of a command, or the defaults for one that has none. */
  private static LoggingOptions logging(CommandSpec command) {
    CommandSpec mixin = command.mixins().get("logging");
    return mixin != null && mixin.userObject() instanceof LoggingOptions options
        ? options
        : new LoggingOptions();
  }

  static CommandLine commandLine() {
    CommandLine commandLine = new CommandLine(new Signet());
    commandLine.setExecutionStrategy(Signet::run);
    commandLine.setExecutionExceptionHandler(Signet::explain);
    commandLine.setParameterExceptionHandler(Signet::explainUsage);
    commandLine.setCaseInsensitiveEnumValuesAllowed(true);
    commandLine.setUsageHelpAutoWidth(true);
    return commandLine;
  }

  @Override
  public Integer call() {
    throw new ParameterException(spec.commandLine(), "a command is missing");
  }

  private static int explain(Exception failure, CommandLine command, ParseResult result) {
    boolean verbose = logging(command.getCommandSpec()).verbose();
    if (verbose) {
      failure.printStackTrace(command.getErr());
    }
    if (failure instanceof CommandFailure known) {
      command.getErr().println("signet: " + known.getMessage());
      return known.exitCode();
    }
    command
        .getErr()
        .println(
            "signet: internal error: "
                + failure
                + (verbose ? "" : " (run again with --verbose to see where)"));
    return ExitCode.INTERNAL;
  }

  private static int explainUsage(ParameterException failure, String[] args) {
    CommandLine command = failure.getCommandLine();
    command.getErr().println("signet: " + failure.getMessage());
    if (!CommandLine.UnmatchedArgumentException.printSuggestions(failure, command.getErr())) {
      command.getErr().println("Try '" + command.getCommandSpec().qualifiedName() + " --help'.");
    }
    return ExitCode.USAGE;
  }
}

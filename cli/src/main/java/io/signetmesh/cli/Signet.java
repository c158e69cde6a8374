package io.signetmesh.cli;

import io.signetmesh.cli.audit.AuditCommand;
import io.signetmesh.cli.check.CheckCommand;
import io.signetmesh.cli.command.ExitCode;
import io.signetmesh.cli.command.LoggingOptions;
import io.signetmesh.cli.policy.AuthzCommand;
import io.signetmesh.cli.server.DiscoveryCommand;
import io.signetmesh.cli.server.IdentityCommand;
import io.signetmesh.cli.server.NodeCommand;
import io.signetmesh.cli.server.PolicyCommand;
import io.signetmesh.cli.server.ProxyCommand;
import io.signetmesh.cli.server.UpCommand;
import io.signetmesh.cli.text.PlainWriter;
import io.signetmesh.cli.token.JwtCommand;
import io.signetmesh.cli.trust.TrustCommand;
import java.io.PrintWriter;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.function.Supplier;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.Spec;

/**
 * The {@code signet} command. The first argument names a subcommand; each is a class of its own.
 */
@Command(
    name = "signet",
    description = "A policy-first zero-trust security mesh.",
    mixinStandardHelpOptions = true,
    versionProvider = VersionCommand.Provider.class,
    synopsisSubcommandLabel = "COMMAND",
    footer = {
      "",
      "Examples:",
      "  signet demo                                      see the mesh decide, in a few seconds",
      "  signet up --manifests examples/quickstart --state /tmp/signet",
      "  signet policy status --state /tmp/signet         who enforces which policy",
      "  signet policy matrix -f examples/quickstart      who may reach what",
      "  signet check --state /tmp/signet                 what somebody has to look at",
      "",
      "'signet COMMAND --help' tells more about each command."
    })
public final class Signet implements Callable<Integer> {
  private static final Map<String, Supplier<Object>> COMMANDS = commands();

  @Spec private CommandSpec spec = CommandSpec.create();

  private Signet() {}

  private static Map<String, Supplier<Object>> commands() {
    Map<String, Supplier<Object>> commands = new LinkedHashMap<>();
    commands.put("demo", DemoCommand::new);
    commands.put("up", UpCommand::new);
    commands.put("identity", IdentityCommand::new);
    commands.put("trust", TrustCommand::commandLine);
    commands.put("policy", PolicyCommand::new);
    commands.put("authz", AuthzCommand::new);
    commands.put("check", CheckCommand::new);
    commands.put("discovery", DiscoveryCommand::new);
    commands.put("audit", AuditCommand::commandLine);
    commands.put("proxy", () -> new ProxyCommand(false));
    commands.put("node", NodeCommand::new);
    commands.put("token", TokenCommand::new);
    commands.put("jwt", JwtCommand::new);
    commands.put("completion", CompletionCommand::new);
    commands.put("version", VersionCommand::new);
    commands.put("train-aot", TrainCommand::new);
    return commands;
  }

  /**
   * Runs a command line.
   *
   * @return a code of {@link ExitCode}
   */
  static int execute(String... args) {
    return commandLine(args).execute(args);
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

  /** All commands. */
  static CommandLine commandLine() {
    return commandLine(new String[0]);
  }

  /** All commands, or only the one that the arguments begin with: models of commands take time. */
  private static CommandLine commandLine(String[] args) {
    CommandLine commandLine = new CommandLine(new Signet());
    Supplier<Object> only = args.length == 0 ? null : COMMANDS.get(args[0]);
    if (only == null) {
      COMMANDS.forEach((name, command) -> commandLine.addSubcommand(name, command.get()));
    } else {
      commandLine.addSubcommand(args[0], only.get());
    }
    return configured(commandLine);
  }

  /** Only this command, as tests make it with other surroundings. */
  static CommandLine commandLine(String name, CommandLine command) {
    return configured(new CommandLine(new Signet()).addSubcommand(name, command));
  }

  private static CommandLine configured(CommandLine commandLine) {
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
    if (failure instanceof ParameterException usage) {
      return explainUsage(usage, new String[0]);
    }
    return Failures.explain(failure, logging(command.getCommandSpec()).verbose(), command.getErr());
  }

  private static int explainUsage(ParameterException failure, String[] args) {
    CommandLine command = failure.getCommandLine();
    PrintWriter err = new PlainWriter(command.getErr());
    err.println("signet: " + failure.getMessage());
    if (!CommandLine.UnmatchedArgumentException.printSuggestions(failure, err)) {
      err.println("Try '" + command.getCommandSpec().qualifiedName() + " --help'.");
    }
    return ExitCode.USAGE;
  }
}

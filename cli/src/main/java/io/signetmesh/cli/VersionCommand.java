package io.signetmesh.cli;

import io.signetmesh.cli.command.ExitCode;
import java.io.PrintWriter;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code signet version}. */
@Command(
    name = "version",
    description = "Prints the version.",
    mixinStandardHelpOptions = true,
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {ExitCode.OK_HELP, ExitCode.USAGE_HELP},
    footer = {"", "Example:", "  signet version --short"})
final class VersionCommand implements Callable<Integer> {
  @Spec private CommandSpec spec = CommandSpec.create();

  @Option(names = "--short", description = "Only the number.")
  private boolean brief;

  @Override
  public Integer call() {
    PrintWriter out = spec.commandLine().getOut();
    if (brief) {
      out.println(number());
    } else {
      out.println(
          "signet "
              + number()
              + " (Java "
              + Runtime.version()
              + ", "
              + System.getProperty("os.name")
              + " "
              + System.getProperty("os.arch")
              + ")");
    }
    return ExitCode.OK;
  }

  /** For {@code signet --version}. */
  static final class Provider implements IVersionProvider {
    @Override
    public String[] getVersion() {
      return new String[] {"signet " + number()};
    }
  }

  static String number() {
    @Nullable String version = VersionCommand.class.getPackage().getImplementationVersion();
    return version == null ? "development" : version;
  }
}

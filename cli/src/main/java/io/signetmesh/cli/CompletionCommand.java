package io.signetmesh.cli;

import io.signetmesh.cli.command.ExitCode;
import java.io.PrintWriter;
import java.util.concurrent.Callable;
import picocli.AutoComplete;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code signet completion}. */
@Command(
    name = "completion",
    description = "Prints a completion script for bash or zsh.",
    mixinStandardHelpOptions = true,
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {ExitCode.OK_HELP, ExitCode.USAGE_HELP},
    footer = {
      "",
      "Examples:",
      "  source <(signet completion bash)",
      "  signet completion zsh > ~/.signet-completion && echo 'source ~/.signet-completion' >> ~/.zshrc"
    })
final class CompletionCommand implements Callable<Integer> {
  /** Shells with a completion script; zsh runs bash's after bashcompinit. */
  enum Shell {
    bash,
    zsh
  }

  @Spec private CommandSpec spec = CommandSpec.create();

  @Parameters(paramLabel = "SHELL", description = "${COMPLETION-CANDIDATES}")
  private Shell shell = Shell.bash;

  @Override
  public Integer call() {
    PrintWriter out = spec.commandLine().getOut();
    if (shell == Shell.zsh) {
      out.println("autoload -U +X compinit && compinit");
    }
    // The generated script makes zsh load bashcompinit by itself.
    out.print(AutoComplete.bash("signet", Signet.commandLine()));
    out.flush();
    return ExitCode.OK;
  }
}

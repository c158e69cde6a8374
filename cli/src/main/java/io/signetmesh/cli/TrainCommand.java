package io.signetmesh.cli;

import io.signetmesh.cli.command.ExitCode;
import io.signetmesh.cli.command.LoggingOptions;
import io.signetmesh.cli.demo.Demo;
import java.time.Clock;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/**
 * {@code signet train-aot}: runs the code of the other commands once, in one process. The JVM
 * writes an ahead-of-time cache from this run, which makes later starts faster.
 */
@Command(
    name = "train-aot",
    hidden = true,
    description = "Runs what an ahead-of-time cache is made from.",
    mixinStandardHelpOptions = true)
final class TrainCommand implements Callable<Integer> {
  @Spec private CommandSpec spec = CommandSpec.create();
  @Mixin private LoggingOptions logging = new LoggingOptions();

  @Override
  public Integer call() throws Exception {
    Signet.commandLine().getSubcommands().values().forEach(command -> command.getUsageMessage());
    Demo demo =
        new Demo(spec.commandLine().getOut(), spec.commandLine().getErr(), Clock.systemUTC());
    return demo.train() ? ExitCode.OK : ExitCode.NEGATIVE;
  }
}

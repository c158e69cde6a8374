package io.signetmesh.cli;

import io.signetmesh.cli.command.ExitCode;
import io.signetmesh.cli.command.LoggingOptions;
import io.signetmesh.cli.demo.Demo;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/**
 * {@code signet train-aot}: runs the code of the other commands once, in one process, or a proxy in
 * a process of its own. The JVM makes ahead-of-time caches from these runs, by which later starts
 * are faster.
 */
@Command(
    name = "train-aot",
    hidden = true,
    description = "Runs what an ahead-of-time cache is made from.",
    mixinStandardHelpOptions = true)
final class TrainCommand implements Callable<Integer> {
  private static final Duration PROXY_RUN = Duration.ofSeconds(4);

  @Spec private CommandSpec spec = CommandSpec.create();
  @Mixin private LoggingOptions logging = new LoggingOptions();

  @Option(
      names = "--proxy",
      paramLabel = "FILE",
      description = "Runs 'signet proxy' only, in a process that records its run in FILE.")
  private @Nullable Path proxy;

  @Override
  public Integer call() throws Exception {
    if (proxy != null) {
      Demo.trainProxy(proxy, PROXY_RUN, Clock.systemUTC());
      return ExitCode.OK;
    }
    Signet.commandLine().getSubcommands().values().forEach(command -> command.getUsageMessage());
    Demo demo =
        new Demo(spec.commandLine().getOut(), spec.commandLine().getErr(), Clock.systemUTC());
    return demo.train() ? ExitCode.OK : ExitCode.NEGATIVE;
  }
}

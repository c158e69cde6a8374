package io.signetmesh.cli;

import io.signetmesh.cli.command.LoggingOptions;
import io.signetmesh.cli.process.SignetProcess;
import io.signetmesh.cli.server.ProxyCommand;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * Where the process starts. Every workload waits for its proxy, and the parser of options is a
 * third of its start: a proxy without options, and a service of the demo, start without it, and
 * without the classes of other commands.
 */
public final class Main {
  private Main() {}

  /** Runs a command line and exits with a code of {@link io.signetmesh.cli.command.ExitCode}. */
  public static void main(String[] args) {
    SignetProcess.leaveWithParent();
    System.exit(execute(args));
  }

  private static int execute(String... args) {
    boolean replace = args.length == 2 && args[1].equals(ProxyCommand.REPLACE);
    boolean proxy = (args.length == 1 || replace) && args[0].equals("proxy");
    if (!proxy && (args.length == 0 || !args[0].equals(DemoServiceCommand.NAME))) {
      return Signet.execute(args);
    }
    try {
      LoggingOptions.ofEnvironment(System.getenv()).apply();
      return proxy
          ? new ProxyCommand(replace).call()
          : DemoServiceCommand.run(List.of(args).subList(1, args.length));
    } catch (Exception e) {
      return Failures.explain(e, false, new PrintWriter(System.err, true, StandardCharsets.UTF_8));
    }
  }
}

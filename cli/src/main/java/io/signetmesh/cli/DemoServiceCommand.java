package io.signetmesh.cli;

import io.signetmesh.cli.demo.DemoServices;
import java.net.InetSocketAddress;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code signet demo-service}: the applications of the demo, which know nothing of the mesh. */
@Command(
    name = "demo-service",
    hidden = true,
    description = "Runs one of the demo's services.",
    mixinStandardHelpOptions = true)
final class DemoServiceCommand implements Callable<Integer> {
  @Mixin private LoggingOptions logging = new LoggingOptions();

  @Parameters(paramLabel = "KIND", description = "${COMPLETION-CANDIDATES}")
  private DemoServices.Kind kind = DemoServices.Kind.HTTP;

  @Option(
      names = "--listen",
      required = true,
      paramLabel = "IP:PORT",
      converter = AddressOptions.Converter.class,
      description = "Where to listen.")
  private InetSocketAddress listen = new InetSocketAddress(0);

  @Override
  public Integer call() throws Exception {
    return Foreground.serve(DemoServices.start(kind, listen));
  }
}

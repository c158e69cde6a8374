package io.signetmesh.cli.server;

import io.signetmesh.cli.command.CommandFailure;
import io.signetmesh.cli.command.ExitCode;
import io.signetmesh.cli.command.LoggingOptions;
import io.signetmesh.cli.controlplane.Closing;
import io.signetmesh.cli.controlplane.ClusterSettings;
import io.signetmesh.cli.host.ControlPlane;
import io.signetmesh.cli.host.ListenAddress;
import io.signetmesh.discovery.DiscoveryServer;
import java.nio.file.Path;
import java.time.Clock;
import java.util.concurrent.Callable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code signet discovery}. */
@Command(
    name = "discovery",
    description = "Runs discovery: tells proxies where services are and how to reach them.",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      "0:ended on request (SIGINT, SIGTERM)",
      ExitCode.USAGE_HELP,
      ExitCode.CONFIGURATION_HELP,
      ExitCode.UNAVAILABLE_HELP,
      ExitCode.INTERNAL_HELP
    },
    footer = {
      "",
      "Examples:",
      "  signet discovery --manifests /etc/signet --state /var/lib/signet",
      "  signet discovery --manifests /etc/signet --listen 10.0.0.5:8086 \\",
      "      --identity-addr 10.0.0.5:8080 --trust-anchors anchors.pem --token-file token"
    })
public final class DiscoveryCommand implements Callable<Integer> {
  private static final Logger log = LoggerFactory.getLogger(DiscoveryCommand.class);

  @Mixin private LoggingOptions logging = new LoggingOptions();

  @Option(
      names = "--manifests",
      required = true,
      paramLabel = "DIR",
      description = "Directory with the manifests of the mesh, watched for changes.")
  private Path manifests = Path.of("");

  @Mixin private MemberServerOptions server = new MemberServerOptions();

  @Override
  public Integer call() throws Exception {
    Clock clock = Clock.systemUTC();
    Closing parts = new Closing();
    try {
      MemberServerOptions.Resources resources =
          server.open("discovery", ControlPlane.DISCOVERY_PORT, manifests, parts, clock);
      ClusterSettings settings = resources.settings();
      DiscoveryServer discovery =
          parts.add(
              DiscoveryServer.start(
                  new DiscoveryServer.Config(
                      resources.listen(),
                      server.security(settings.names().discoveryServer(), resources, parts, clock),
                      settings.discovery(),
                      resources.meters()),
                  resources.source(),
                  resources.loops()));
      log.info("discovery listens on {}", ListenAddress.text(discovery.address()));
      server.serveMetrics(resources, AdminOptions.DISCOVERY_PORT, parts);
    } catch (Exception e) {
      parts.close();
      throw CommandFailure.starting("discovery", e);
    }
    return Foreground.serve(parts);
  }
}

package io.signetmesh.cli.server;

import io.signetmesh.cli.command.CommandFailure;
import io.signetmesh.cli.command.ExitCode;
import io.signetmesh.cli.command.LoggingOptions;
import io.signetmesh.cli.host.NodeConfigurations;
import io.signetmesh.cli.node.NodeAddCommand;
import io.signetmesh.cli.node.NodeListCommand;
import io.signetmesh.cli.node.NodeRemoveCommand;
import io.signetmesh.cli.node.NodeSocketOption;
import io.signetmesh.identity.pki.StateFiles;
import io.signetmesh.proxy.DataPlane;
import io.signetmesh.proxy.config.InvalidConfigException;
import io.signetmesh.proxy.config.NodeConfig;
import io.signetmesh.proxy.linux.ClassCachePages;
import io.signetmesh.proxy.linux.UnixListener;
import io.signetmesh.proxy.netns.NamespaceThread;
import io.signetmesh.proxy.node.NodeWorkloads;
import io.signetmesh.proxy.node.WorkloadStatus;
import io.signetmesh.proxy.node.socket.NodeServer;
import io.signetmesh.proxy.node.socket.NodeSuccession;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code signet node}. */
@Command(
    name = "node",
    description = {
      "Runs one data plane for the workloads of this host. They are announced at a Unix socket, by"
          + " an agent or by 'signet node add'.",
      "Each workload has an identity, policies and connections of its own. Its sockets are made in"
          + " its network namespace.",
      "What all proxies have in common is in the environment, as of 'signet proxy'."
    },
    mixinStandardHelpOptions = true,
    sortOptions = false,
    subcommands = {NodeAddCommand.class, NodeRemoveCommand.class, NodeListCommand.class},
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      "0:ended on request (SIGTERM, SIGINT), or replaced by a successor, after a drain",
      ExitCode.USAGE_HELP,
      ExitCode.CONFIGURATION_HELP,
      ExitCode.UNAVAILABLE_HELP,
      ExitCode.INTERNAL_HELP
    },
    footer = {
      "",
      "Needed in the environment:",
      "  LINKERD2_PROXY_IDENTITY_TRUST_ANCHORS  PEM of the trust anchors",
      "  LINKERD2_PROXY_{IDENTITY,DESTINATION,POLICY}_SVC_{ADDR,NAME}",
      "If the node has an identity of its own, with which proxies share connections:",
      "  SIGNET_NODE_IDENTITY_NAME              identity of the node, as DNS name",
      "  SIGNET_NODE_IDENTITY_TOKEN_FILE        file with the node's token",
      "docs/node-proxy.md has the rest: redirection, the protocol of the socket, upgrades.",
      "",
      "Example:",
      "  set -a; . ./node.env; signet node --state /var/lib/signet/node",
      "  signet node --replace --state /var/lib/signet/node   a new version, without an"
          + " interruption"
    })
public final class NodeCommand implements Callable<Integer> {
  private static final Logger log = LoggerFactory.getLogger(NodeCommand.class);

  @Mixin private LoggingOptions logging = new LoggingOptions();
  @Mixin private NodeSocketOption socket = new NodeSocketOption();

  @Option(
      names = "--state",
      paramLabel = "DIR",
      defaultValue = "/var/lib/signet/node",
      description = "Tokens, audit journals and sockets (default: ${DEFAULT-VALUE}).")
  private Path state = Path.of("/var/lib/signet/node");

  @Option(
      names = "--inbound-port",
      paramLabel = "PORT",
      defaultValue = "4143",
      description = "Where inbound packets are redirected to (default: ${DEFAULT-VALUE}).")
  private int inbound = NodeConfigurations.Ports.DEFAULT.inbound();

  @Option(
      names = "--outbound-port",
      paramLabel = "PORT",
      defaultValue = "4140",
      description = "Where outbound packets are redirected to (default: ${DEFAULT-VALUE}).")
  private int outbound = NodeConfigurations.Ports.DEFAULT.outbound();

  @Option(
      names = "--workload-admin-port",
      paramLabel = "PORT",
      defaultValue = "4191",
      description = "Admin port of each workload (default: ${DEFAULT-VALUE}).")
  private int admin = NodeConfigurations.Ports.DEFAULT.admin();

  @Option(
      names = "--mark",
      paramLabel = "NUMBER",
      defaultValue = "1337",
      description =
          "Mark of the packets of proxies in network namespaces (SO_MARK), which the rules of"
              + " redirection skip; 0: none (default: ${DEFAULT-VALUE}).")
  private int mark = 1337;

  @Option(
      names = "--replace",
      description = {
        "Take the place of the data plane that runs with the same socket and state: get its"
            + " workloads and their listeners, and have it drain and end once all serve here. If"
            + " this one ends before, the other goes on. Where none runs, start."
      })
  private boolean replace;

  @Override
  public Integer call() throws Exception {
    Path path = socket.path().toAbsolutePath();
    NodeConfigurations configurations;
    NodeConfig identity;
    try {
      configurations =
          NodeConfigurations.of(
              System.getenv(), state, new NodeConfigurations.Ports(inbound, outbound, admin));
      identity = identity(System.getenv());
    } catch (InvalidConfigException e) {
      throw CommandFailure.configuration(
          "the environment has not what proxies need:\n  "
              + String.join("\n  ", e.faults())
              + "\n'signet node --help' lists what is needed.");
    } catch (IOException e) {
      throw CommandFailure.starting("the data plane of the node", e);
    }
    try {
      Path directory = path.getParent();
      if (directory != null) {
        StateFiles.createDirectory(directory);
      }
    } catch (IOException e) {
      throw CommandFailure.starting("the data plane of the node", e);
    }
    boolean runs = UnixListener.answers(path);
    if (runs && !replace) {
      throw CommandFailure.configuration(
          "a data plane answers at "
              + path
              + ": expected none; stop it, or start this one as its successor (--replace)");
    }
    AtomicReference<@Nullable NodeServer> server = new AtomicReference<>();
    CompletableFuture<Void> ended = new CompletableFuture<>();
    NodeWorkloads workloads =
        new NodeWorkloads(
            () -> dataPlane(identity),
            Clock.systemUTC(),
            new NodeWorkloads.Options(true, replace),
            status -> changed(server.get(), status));
    NamespaceThread namespaces = new NamespaceThread();
    NodeServer.Settings settings =
        new NodeServer.Settings(
            workloads,
            configurations,
            namespaces,
            mark,
            () -> {
              workloads.close();
              configurations.forgetAll();
              ended.complete(null);
            },
            NodeServer.Settings.LIMIT);
    try {
      if (runs) {
        takeOver(path, settings, server);
      } else {
        server.set(NodeServer.listen(path, settings));
      }
      // Nobody else serves workloads now.
      configurations.forgetOthers();
    } catch (IOException | RuntimeException e) {
      NodeServer listening = server.get();
      if (listening != null) {
        listening.close();
      }
      workloads.close();
      configurations.forgetAll();
      throw CommandFailure.starting("the data plane of the node", e);
    }
    log.info("the data plane of the node is told of workloads at {}", path);
    ClassCachePages.giveBackAfter(ProxyCommand.STARTED);
    return Foreground.serve(
        () -> {
          NodeServer listening = server.get();
          if (listening != null) {
            listening.close();
          }
          workloads.close();
          configurations.forgetAll();
          namespaces.close();
        },
        ended);
  }

  /** Identity of the node; null when it has none, and each proxy asks with its own. */
  private static @Nullable NodeConfig identity(Map<String, String> environment)
      throws InvalidConfigException {
    return environment.containsKey(NodeConfig.IDENTITY_NAME)
            || environment.containsKey(NodeConfig.TOKEN_FILE)
        ? NodeConfig.from(environment)
        : null;
  }

  private static DataPlane dataPlane(@Nullable NodeConfig identity) {
    String transport = System.getenv("SIGNET_PROXY_TRANSPORT");
    int loops = Runtime.getRuntime().availableProcessors();
    return identity == null
        ? DataPlane.start(transport, loops)
        : DataPlane.start(transport, loops, identity, Clock.systemUTC());
  }

  private static void takeOver(
      Path path, NodeServer.Settings settings, AtomicReference<@Nullable NodeServer> server)
      throws IOException, InterruptedException {
    try (NodeSuccession succession = NodeSuccession.begin(path, settings)) {
      succession.awaitServing();
      // Agents that come back find this process.
      server.set(NodeServer.listen(path, settings));
      succession.taken();
    }
    log.info("serving the workloads of the data plane before");
  }

  private static void changed(@Nullable NodeServer server, WorkloadStatus status) {
    if (status.reason().isEmpty()) {
      log.info("workload {} is {}", status.name(), status.state());
    } else {
      log.info("workload {} is {}: {}", status.name(), status.state(), status.reason());
    }
    if (server != null) {
      server.changed(status);
    }
  }
}

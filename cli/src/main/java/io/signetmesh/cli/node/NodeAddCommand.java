package io.signetmesh.cli.node;

import io.signetmesh.cli.command.CommandFailure;
import io.signetmesh.cli.command.ExitCode;
import io.signetmesh.cli.command.LoggingOptions;
import io.signetmesh.cli.command.StateDirectory;
import io.signetmesh.cli.text.PlainWriter;
import io.signetmesh.proxy.linux.LinuxCalls;
import io.signetmesh.proxy.node.socket.NodeClient;
import io.signetmesh.proxy.node.socket.NodeRefusedException;
import io.signetmesh.v1.NodeRequest;
import io.signetmesh.v1.WorkloadAnnouncement;
import io.signetmesh.v1.WorkloadCondition;
import io.signetmesh.v1.WorkloadState;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code signet node add}. */
@Command(
    name = "add",
    description = {
      "Adds a workload to the node's data plane, or replaces what was said about it.",
      "An agent that announces all workloads of the host does the same. With its next list of all"
          + " workloads, those that only operators have added are removed."
    },
    mixinStandardHelpOptions = true,
    sortOptions = false,
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      "0:added, and ready if that was waited for",
      "1:it has failed, or is not ready in time",
      ExitCode.USAGE_HELP,
      ExitCode.CONFIGURATION_HELP,
      ExitCode.UNAVAILABLE_HELP,
      ExitCode.INTERNAL_HELP
    },
    footer = {
      "",
      "Example:",
      "  signet node add shop/web --service-account web --address 10.1.0.7 --port 8080 \\",
      "    --netns /run/netns/web --token-file /run/tokens/web --wait 10s"
    })
public final class NodeAddCommand implements Callable<Integer> {
  private static final long LOOK_MILLIS = 50;

  @Spec private CommandSpec spec = CommandSpec.create();
  @Mixin private LoggingOptions logging = new LoggingOptions();
  @Mixin private NodeSocketOption socket = new NodeSocketOption();

  @Parameters(paramLabel = "NAMESPACE/NAME", description = "The workload.")
  private String workload = "";

  @Option(
      names = "--service-account",
      paramLabel = "NAME",
      required = true,
      description = "Its ServiceAccount: who it is.")
  private String serviceAccount = "";

  @Option(
      names = "--address",
      paramLabel = "IP",
      required = true,
      description = "Its IP address. May be repeated.")
  private List<String> addresses = List.of();

  @Option(
      names = "--port",
      paramLabel = "PORT",
      description = "TCP port that it declares. May be repeated.")
  private List<Integer> ports = List.of();

  @Option(
      names = "--netns",
      paramLabel = "FILE",
      description = {
        "Its network namespace, as /run/netns/NAME or /proc/PROCESS/ns/net: its proxy's sockets"
            + " are",
        "made there, and its packets have to be redirected to them (default: the network of the"
            + " data",
        "plane, without redirection)."
      })
  private @Nullable Path namespace;

  @Option(
      names = "--token-file",
      paramLabel = "FILE",
      required = true,
      description = "File with its token, which somebody renews.")
  private Path tokenFile = Path.of("");

  @Option(
      names = "--annotation",
      paramLabel = "KEY=VALUE",
      description = "Annotation of its pod. May be repeated.")
  private Map<String, String> annotations = new LinkedHashMap<>();

  @Option(
      names = "--env",
      paramLabel = "NAME=VALUE",
      description = "Variable of its proxy, as of 'signet proxy'. May be repeated.")
  private Map<String, String> environment = new LinkedHashMap<>();

  @Option(
      names = "--wait",
      paramLabel = "TIME",
      converter = StateDirectory.Durations.class,
      description = "Wait until it is ready, e.g. 10s.")
  private @Nullable Duration wait;

  /** Namespace and name. */
  static String[] name(CommandSpec spec, String workload) {
    String[] parts = workload.split("/", -1);
    if (parts.length != 2) {
      throw new ParameterException(
          spec.commandLine(), "workload '" + workload + "': expected NAMESPACE/NAME");
    }
    return parts;
  }

  @Override
  public Integer call() throws CommandFailure, InterruptedException {
    PrintWriter out = new PlainWriter(spec.commandLine().getOut());
    String[] name = name(spec, workload);
    WorkloadAnnouncement announcement =
        WorkloadAnnouncement.newBuilder()
            .setNamespace(name[0])
            .setName(name[1])
            .setServiceAccount(serviceAccount)
            .addAllAddresses(addresses)
            .addAllPorts(ports)
            .putAllAnnotations(annotations)
            .putAllEnvironment(environment)
            .setTokenFile(tokenFile.toAbsolutePath().toString())
            .setNetworkNamespace(namespace != null)
            .build();
    try (NodeClient client = socket.connect()) {
      WorkloadState state = add(client, announcement);
      long end = System.nanoTime() + (wait == null ? 0 : wait.toNanos());
      while (wait != null
          && state.getCondition() == WorkloadCondition.WORKLOAD_CONDITION_WAITING
          && System.nanoTime() - end < 0) {
        Thread.sleep(LOOK_MILLIS);
        state =
            NodeListCommand.states(client).stream()
                .filter(each -> each.getNamespace().equals(name[0]))
                .filter(each -> each.getName().equals(name[1]))
                .findFirst()
                .orElse(state);
      }
      out.println(NodeListCommand.text(state));
      out.flush();
      return isGood(state.getCondition()) ? ExitCode.OK : 1;
    } catch (NodeRefusedException e) {
      throw CommandFailure.configuration(String.valueOf(e.getMessage()), e);
    } catch (IOException e) {
      throw CommandFailure.unavailable(String.valueOf(e.getMessage()), e);
    }
  }

  private boolean isGood(WorkloadCondition condition) {
    return condition == WorkloadCondition.WORKLOAD_CONDITION_READY
        || (wait == null && condition == WorkloadCondition.WORKLOAD_CONDITION_WAITING);
  }

  private WorkloadState add(NodeClient client, WorkloadAnnouncement announcement)
      throws IOException {
    int descriptor = namespace == null ? -1 : LinuxCalls.open(namespace);
    try {
      return client.call(NodeRequest.newBuilder().setAdd(announcement), descriptor).getState();
    } finally {
      if (descriptor >= 0) {
        LinuxCalls.close(descriptor);
      }
    }
  }
}
